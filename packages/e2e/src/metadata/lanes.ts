// A round of calls: so many lanes, each of which calls again when it was answered, until time is up.
import { RealClock } from '@holdfast/base';

const clock = new RealClock();

export interface Round {
  readonly perSecond: number;
  /** How long each call took. */
  readonly callsMs: readonly number[];
}

export async function measureRound(call: () => Promise<unknown>, inFlight: number, limitMs: number): Promise<Round> {
  const fromMs = clock.monotonicMs();
  const endMs = fromMs + limitMs;
  const callsMs: number[] = [];
  const lane = async (): Promise<void> => {
    for (let atMs = clock.monotonicMs(); atMs < endMs;) {
      await call();
      const nowMs = clock.monotonicMs();
      callsMs.push(nowMs - atMs);
      atMs = nowMs;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return { perSecond: (callsMs.length * 1_000) / (clock.monotonicMs() - fromMs), callsMs };
}
