// The internal door of metadata-service: what the simulator and other packages' tests need, and nobody else.
export type { HostObserver } from './host/host-options.ts';
export { decodeFrame, decodeHello, encodeHello, encodeMessages, protocolVersion, type Frame } from './host/frame.ts';
export { stateProblems } from './state/state-problems.ts';
export { decodeCommand } from './state/command-codec.ts';
export type { StateDatabase } from './state/database.ts';
export type * as rows from './state/entities.ts';
export { segments } from './state/map-view.ts';
export { query } from './state/query.ts';
export type { LeaderSettings } from './leader/leader-settings.ts';
export { SessionLeader } from './leader/session-leader.ts';
export type { Standing } from './leader/standing.ts';
