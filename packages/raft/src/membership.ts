// Changes of the members, and of the cluster version that all of them understand. A configuration counts from the moment that
// it stands in the log, on every replica by itself, and is undone if it is cut off. One change at a time: the next begins when
// the last one is committed and, if it was joint, left. Leaving is the leader's duty, whichever leader that is by then.
import { OpError } from '@holdfast/base';
import {
  changeConfiguration,
  isJoint,
  leaveJoint,
  membersOf,
  type Configuration,
  type ConfigurationChange,
} from './configuration.ts';
import type { MemberId } from './ids.ts';
import { encodeConfiguration, encodeVersion } from './payload.ts';
import { appendAsLeader } from './replication.ts';
import { becomeFollower } from './roles.ts';
import { syncProgress } from './leadership.ts';
import { configurationOf, versionOf, type Leading, type State } from './state.ts';
import { say } from './storage.ts';

export function handleChange(state: State, changes: readonly ConfigurationChange[]): void {
  const { leading } = state;
  if (leading === null) {
    state.out.refused = notLeading(state);
    return;
  }
  const obstacle = changeObstacle(state, leading) ?? promotionObstacle(state, leading, changes);
  if (obstacle !== null) {
    state.out.refused = obstacle;
    return;
  }
  const result = changeConfiguration(configurationOf(state), changes);
  if ('problem' in result) state.out.refused = new OpError('RAFT_CHANGE_INVALID', { reason: result.problem });
  else appendConfiguration(state, leading, result.next);
}

function notLeading(state: State): OpError {
  const { leader } = state;
  return leader === null ? new OpError('RAFT_LEADER_UNKNOWN', {}) : new OpError('RAFT_LEADER_ELSEWHERE', { leader });
}

/** Why nothing may be changed at this moment. */
function changeObstacle(state: State, leading: Leading): OpError | null {
  if (leading.transfer !== null) return new OpError('RAFT_TRANSFER_PENDING', { to: leading.transfer.to });
  // Before its own term has a commit, a leader cannot know of a change that an earlier leader is still making.
  if (state.commit < leading.startIndex) return new OpError('RAFT_LEADER_UNREADY', {});
  const index = configurationIndex(state);
  const versionIndex = state.versions.at(-1)?.index ?? 0;
  if (isJoint(configurationOf(state)) || Math.max(index, versionIndex) > state.commit) {
    return new OpError('RAFT_CHANGE_PENDING', { index: Math.max(index, versionIndex) });
  }
  return null;
}

function configurationIndex({ configurations }: State): number {
  return configurations.at(-1)?.index ?? 0;
}

function promotionObstacle(state: State, leading: Leading, changes: readonly ConfigurationChange[]): OpError | null {
  for (const { kind, member } of changes) {
    const progress = leading.progress.get(member);
    if (kind !== 'promote' || progress === undefined) continue;
    const lag = state.log.lastIndex - progress.match;
    const limit = state.settings.promoteLagMax;
    if (lag > limit) return new OpError('RAFT_LEARNER_BEHIND', { member, lag, limit });
  }
  return null;
}

function appendConfiguration(state: State, leading: Leading, next: Configuration): void {
  appendAsLeader(state, { kind: 'configuration', data: encodeConfiguration(next), proposal: null });
  syncProgress(state, leading);
}

/** What a commit allows: to leave a joint configuration, and to go, for a leader that is no voter any more. */
export function settleMembership(state: State, leading: Leading): void {
  const configuration = configurationOf(state);
  if (configurationIndex(state) > state.commit) return;
  if (isJoint(configuration)) {
    appendConfiguration(state, leading, leaveJoint(configuration));
    return;
  }
  if (!configuration.voters.includes(state.self)) retire(state, leading, configuration);
}

/** Names the successor that has most, so that nobody has to wait for a timeout. */
function retire(state: State, leading: Leading, { voters }: Configuration): void {
  let successor: MemberId | null = null;
  let most = -1;
  for (const voter of voters) {
    const match = leading.progress.get(voter)?.match ?? 0;
    if (match <= most) continue;
    successor = voter;
    most = match;
  }
  if (successor !== null) say(state, successor, { kind: 'timeout-now' });
  becomeFollower(state, state.term, null);
}

export function handleRaiseVersion(state: State, version: number): void {
  const { leading } = state;
  state.out.refused =
    leading === null ? notLeading(state) : (changeObstacle(state, leading) ?? versionObstacle(state, leading, version));
  if (state.out.refused !== null) return;
  appendAsLeader(state, { kind: 'version', data: encodeVersion(version), proposal: null });
}

/** A version is raised only when every member, learners too, said that its program knows it. */
function versionObstacle(state: State, leading: Leading, version: number): OpError | null {
  const current = versionOf(state);
  if (!Number.isSafeInteger(version) || version <= current) {
    return new OpError('RAFT_VERSION_NOT_RAISED', { version, current });
  }
  for (const member of membersOf(configurationOf(state))) {
    const known =
      member === state.self ? state.settings.supportedVersion : (leading.progress.get(member)?.version ?? 0);
    if (known < version) return new OpError('RAFT_VERSION_UNANNOUNCED', { member, known, version });
  }
  return null;
}
