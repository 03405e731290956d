// The internal door of raft: what the simulator needs to judge and to show.
export { changeConfiguration, configurationProblem, leaveJoint, type ChangeResult } from './configuration.ts';
export { noEffects } from './effects.ts';
export { formatEntry, formatMessage, formatPosition } from './format.ts';
export { isUpToDate } from './ids.ts';
export { countVotes, quorumReached } from './quorum.ts';
