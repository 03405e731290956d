// Durations as people write them. In code a duration is a plain number whose name ends in `Ms`.
import { formatQuantity, parseQuantity, type QuantitySpec } from './quantity.ts';

const duration: QuantitySpec = {
  name: 'duration',
  example: '8s',
  units: [
    { symbol: 'ms', worth: 1 },
    { symbol: 's', worth: 1000 },
    { symbol: 'm', worth: 60_000 },
    { symbol: 'h', worth: 3_600_000 },
    { symbol: 'd', worth: 86_400_000 },
  ],
};

/** `'8s'` → 8000. */
export function parseDurationMs(text: string): number {
  return parseQuantity(text, duration);
}

/** 90000 → `'90s'`; exact, so that it parses to the same number. */
export function formatDuration(durationMs: number): string {
  return formatQuantity(durationMs, duration);
}
