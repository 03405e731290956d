// How a group behaves: each setting with its meaning, unit and default. Time is counted in ticks, whose length the host
// chooses (100 ms is usual), so that the core reads no clock.
import { kib, mib, OpError } from '@holdfast/base';

export interface Settings {
  /** Ticks without a leader before a member may campaign; each wait is drawn from [this, twice this). */
  readonly electionTicks: number;
  /** Ticks between a leader's heartbeats. */
  readonly heartbeatTicks: number;
  /** Bytes of entries in one append; a single larger entry goes alone. */
  readonly appendBytesMax: number;
  /** Appends under way to one follower. */
  readonly inflightMessagesMax: number;
  /** Bytes of entries under way to one follower. */
  readonly inflightBytesMax: number;
  /** Bytes that a leader takes in before they are committed; past them proposals are refused. */
  readonly uncommittedBytesMax: number;
  /** Bytes of the data of one proposal. */
  readonly proposalBytesMax: number;
  /** Writes handed to storage and not acknowledged; past them a leader refuses proposals and a follower drops appends. */
  readonly pendingWritesMax: number;
  /** Reads that wait for a leader's confirmation; past them reads are refused. */
  readonly pendingReadsMax: number;
  /** Bytes of a snapshot in one message. */
  readonly snapshotChunkBytes: number;
  /** Ticks without progress before a chunk of a snapshot is sent again. */
  readonly snapshotRetryTicks: number;
  /** Entries that a learner may be behind when it is made a voter: more would hold up every commit. */
  readonly promoteLagMax: number;
  /** Whether a follower passes proposals on to its leader instead of refusing them. */
  readonly forwardProposals: boolean;
  /** Ticks without work before a group stops ticking; 0 for never. It needs `Groups`, which notices lost peers for it. */
  readonly sleepAfterTicks: number;
  /** How far a message's term may be ahead. A damaged term must not use up the numbers for ever. */
  readonly termLeapMax: number;
  /** The highest cluster version that this program knows. */
  readonly supportedVersion: number;
}

export const settingsDefault: Settings = {
  electionTicks: 10,
  heartbeatTicks: 1,
  appendBytesMax: mib,
  inflightMessagesMax: 256,
  inflightBytesMax: 8 * mib,
  uncommittedBytesMax: 64 * mib,
  proposalBytesMax: mib,
  pendingWritesMax: 1024,
  pendingReadsMax: 65_536,
  snapshotChunkBytes: 256 * kib,
  snapshotRetryTicks: 20,
  promoteLagMax: 1024,
  forwardProposals: true,
  sleepAfterTicks: 0,
  termLeapMax: 1_000_000,
  supportedVersion: 1,
};

/** What each setting must at least be. */
const leastOf: Readonly<Record<Exclude<keyof Settings, 'forwardProposals'>, number>> = {
  electionTicks: 2,
  heartbeatTicks: 1,
  appendBytesMax: 1,
  inflightMessagesMax: 1,
  inflightBytesMax: 1,
  uncommittedBytesMax: 1,
  proposalBytesMax: 1,
  pendingWritesMax: 1,
  pendingReadsMax: 1,
  snapshotChunkBytes: 1,
  snapshotRetryTicks: 1,
  promoteLagMax: 0,
  sleepAfterTicks: 0,
  termLeapMax: 1,
  supportedVersion: 1,
};

/** What is wrong with the settings, one sentence each; none if they can be used. */
export function validate(settings: Settings): string[] {
  const problems: string[] = [];
  for (const [name, least] of Object.entries(leastOf) as [keyof typeof leastOf, number][]) {
    const value = settings[name];
    if (!Number.isSafeInteger(value) || value < least) {
      problems.push(`${name} is ${value}, but must be a whole number from ${least}.`);
    }
  }
  if (problems.length > 0) return problems;
  const { electionTicks, heartbeatTicks, proposalBytesMax, uncommittedBytesMax, sleepAfterTicks } = settings;
  if (electionTicks < 2 * heartbeatTicks) {
    problems.push(
      `electionTicks is ${electionTicks}, but must be at least twice heartbeatTicks (${heartbeatTicks}), or one lost heartbeat costs an election.`,
    );
  }
  if (proposalBytesMax > uncommittedBytesMax) {
    problems.push(
      `proposalBytesMax is ${proposalBytesMax}, but uncommittedBytesMax (${uncommittedBytesMax}) would never let such a proposal in.`,
    );
  }
  if (sleepAfterTicks !== 0 && sleepAfterTicks < heartbeatTicks) {
    problems.push(
      `sleepAfterTicks is ${sleepAfterTicks}, but must be 0 or at least heartbeatTicks (${heartbeatTicks}): a group goes to sleep by a heartbeat.`,
    );
  }
  return problems;
}

export function checkSettings(settings: Settings): void {
  const problems = validate(settings);
  if (problems.length > 0) throw new OpError('RAFT_SETTINGS_INVALID', { reason: problems.join(' ') });
}
