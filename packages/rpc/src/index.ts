// The public door of rpc.
export {};
