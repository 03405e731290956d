// The internal door of rpc: what the other packages' tests and the simulator need, and nobody else.
export {};
