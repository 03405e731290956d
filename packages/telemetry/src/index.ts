// The public door of telemetry.
export {};
