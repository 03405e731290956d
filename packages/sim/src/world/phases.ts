// How long the parts of a run last, in virtual time.

/** Faults happen before this. */
export const safetyMs = 40_000;
/** From the mending on; all that waits in a healthy system (elections, reconnections, snapshots) adds up to less. */
export const convergenceLimitMs = 15_000;
/** The calm end begins when the system is at rest, at the latest with the limit above, and lasts to here. */
export const runMs = 60_000;
