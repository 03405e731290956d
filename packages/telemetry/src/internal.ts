// The internal door of telemetry: what the other packages' tests and the simulator need, and nobody else.
export { LineSink } from './testing.ts';
