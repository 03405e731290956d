// The public door of cli.
export {};
