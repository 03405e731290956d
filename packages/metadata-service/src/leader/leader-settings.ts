// The times and bounds of a leader's part in fencing, with their defaults. A leaf.

export interface LeaderSettings {
  /** How often the leader looks who waits for what, in ms. */
  readonly watchMs: number;
  /** A leader that did nothing for so long stood still, and knows nothing any more (F3). */
  readonly pausedMs: number;
  /** Whoever waits for a session says so again within this; behind it nothing waits. */
  readonly waitMs: number;
  /** A node that said nothing for this share of its ttl is taken for one that does not answer, where a device can stop it. */
  readonly suspectShare: number;
  /** A session that said nothing for this share of its ttl has stopped, as the storm guard counts (F7). */
  readonly stoppedShare: number;
  /** An intent that is not complete by then is withdrawn (F9). */
  readonly intentMs: number;
  /** For how long an engine holds its writes for a cut over several volumes, by its own clock (adr/0020). */
  readonly cutMs: number;
  /** By how much the clocks of an engine and of a leader may differ in that time. */
  readonly cutMarginMs: number;
  /** A session is told at most so often that something waits for it, in ms. */
  readonly nudgeMs: number;
  /** For how long a request for a role counts as waiting for its holder (F8). */
  readonly roleMs: number;
  /** Between a refusal of what the leader proposed and its next try, in ms. */
  readonly refusedMs: number;
  /** Between two steps of reclaiming in one pool, in ms, so that other commits come between. */
  readonly reclaimRestMs: number;
  /** Between two confirmations of leadership for renewals at the least, in ms: who comes meanwhile shares the next. */
  readonly roundMs: number;
  /** Renewals that wait for one confirmation of leadership. */
  readonly renewalsMax: number;
  /** Commands of the leader's own that are under way. */
  readonly errandsMax: number;
  /** Ended sessions that one look goes through, and intents; the next look goes on behind them. */
  readonly lookMax: number;
  /** What one answer to an agent names of each kind: intents, preemptions, pools. */
  readonly dutiesMax: number;
}

export const leaderSettingsDefault: LeaderSettings = {
  watchMs: 250,
  pausedMs: 2_000,
  waitMs: 10_000,
  suspectShare: 0.5,
  stoppedShare: 0.5,
  intentMs: 10_000,
  cutMs: 2_000,
  cutMarginMs: 500,
  nudgeMs: 250,
  roleMs: 2_000,
  refusedMs: 2_000,
  reclaimRestMs: 5,
  roundMs: 50,
  renewalsMax: 16_384,
  errandsMax: 128,
  lookMax: 1_024,
  dutiesMax: 64,
};
