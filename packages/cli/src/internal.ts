// The internal door of cli: what the other packages' tests and the simulator need, and nobody else.
export { recordingSystem, type RecordingSystem } from './testing.ts';
