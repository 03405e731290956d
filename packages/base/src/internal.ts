// The internal door of base: what the other packages' tests and the simulator need, and nobody else.
export {};
