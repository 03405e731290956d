// The few numbers that bench files derive from their samples.
import assert from 'node:assert/strict';

/** The middle of the samples: one slow run on a busy machine does not move it. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** The sample below which `fraction` of the samples lie, interpolated between its two neighbours. */
export function quantile(samples: readonly number[], fraction: number): number {
  assert(samples.length > 0, 'a quantile of no samples');
  assert(fraction >= 0 && fraction <= 1, `a quantile's fraction is between 0 and 1, not ${fraction}`);
  const sorted = samples.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  assert(below !== undefined && above !== undefined);
  return below + (above - below) * (position - Math.floor(position));
}
