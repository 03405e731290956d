// The times of the model, in ms. A lease is half as long as the product's default, so that a run sees twice as many takeovers; the
// other times stand to it as the product's do.
export const times = {
  ttlMs: 4_000,
  renewMs: 1_000,
  marginMs: 500,
  /** How long somebody waits for an answer of the metadata service before asking again. */
  answerMs: 700,
  /** How often a node reads back its reservation (F6). */
  readBackMs: 1_000,
  /** A holder keeps the role at least so long (F8). */
  roleMs: 1_000,
  /** An intent that is not complete by then is withdrawn (F9). */
  intentMs: 10_000,
  /** For so long an engine holds its writes for a cut over a group of volumes (F9). */
  holdMs: 2_000,
  /** How often the leader looks who waits for what. */
  watchMs: 250,
  /** A leader that did nothing for so long was paused, and knows nothing any more (F3). */
  pausedMs: 2_000,
  /** Who waits says so again within this. */
  waitMs: 3_000,
  watchdogMs: 2_000,
} as const;
