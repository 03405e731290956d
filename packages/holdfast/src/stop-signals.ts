// SIGTERM and SIGINT: the first asks the process to drain, the second ends it at once. The operator's and systemd's habit is
// one SIGTERM and then patience; the second is for a person who has none left.
import { plainExits } from '@holdfast/cli';

const signals = ['SIGTERM', 'SIGINT'] as const;
export type StopSignal = (typeof signals)[number];

/** Resolves with the first signal. From the call on, a signal no longer ends the process by itself. */
export async function stopRequested(): Promise<StopSignal> {
  return new Promise((resolve) => {
    let isFirst = true;
    for (const signal of signals) {
      process.on(signal, () => {
        if (!isFirst) process.exit(plainExits.forced.code);
        isFirst = false;
        resolve(signal);
      });
    }
  });
}
