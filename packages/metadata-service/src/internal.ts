// The internal door of metadata-service: what the simulator and other packages' tests need, and nobody else.
export type { HostObserver } from './host/host-options.ts';
export { decodeFrame, decodeHello, encodeHello, encodeMessages, protocolVersion, type Frame } from './host/frame.ts';
export { stateProblems } from './state/state-problems.ts';
