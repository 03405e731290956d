// The public door of metadata-service.
export type * from './host/host-options.ts';
export type { SnapshotSource, StateMachine } from './host/state-machine.ts';
