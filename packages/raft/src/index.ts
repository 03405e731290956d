// The public door of raft.
export { RaftCore } from './core.ts';
export { Groups, type BeatFrame, type GroupsEffects, type GroupsEvent, type GroupsOptions } from './groups.ts';
export { ProposalLedger, type LedgerSession, type LedgerVerdict } from './proposal-ledger.ts';
export type { RaftEvent } from './event.ts';
export type * from './effects.ts';
export type * from './message.ts';
export type { Entry, EntryKind, ProposalId } from './entry.ts';
export type { Recovered } from './recovered.ts';
export { emptyReplica } from './recovered.ts';
export type { Identity, StateOptions } from './state.ts';
export type { Standing, Status } from './status.ts';
export type { ProgressStatus } from './progress.ts';
export { settingsDefault, validate, type Settings } from './settings.ts';
export { toGroupId, toMemberId, type GroupId, type MemberId, type Position } from './ids.ts';
export {
  formatConfiguration,
  isJoint,
  membersOf,
  votersOnly,
  type Configuration,
  type ConfigurationChange,
} from './configuration.ts';
export { decodeConfiguration, decodeVersion } from './payload.ts';
