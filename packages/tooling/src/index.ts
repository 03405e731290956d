// The public door of tooling.
export {};
