// The public door of holdfast.
export {};
