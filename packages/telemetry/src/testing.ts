// What this package's tests share: a Random that counts, a clock that stands, a sink that keeps lines.
import { invariant, type Clock, type Random } from '@holdfast/base';
import type { LogSink } from './log.ts';

/** Each draw of bytes is filled with the draw's number: 01 01 01 …, 02 02 02 …. */
export function countingRandom(): Random {
  let draws = 0;
  return {
    below: (bound) => (draws += 1) % bound,
    fraction: () => 0.5,
    bytes: (length) => new Uint8Array(length).fill((draws += 1)),
    uuid: () => `00000000-0000-4000-8000-${String((draws += 1)).padStart(12, '0')}`,
  };
}

export function standingClock(wallMs: number): Clock {
  return { wallMs: () => wallMs, monotonicMs: () => 0, boottimeMs: () => 0 };
}

/** Keeps what was logged, line by line. */
export class LineSink implements LogSink {
  readonly lines: string[] = [];

  write(line: string): void {
    invariant(line.endsWith('\n') && line.indexOf('\n') === line.length - 1, 'a log call writes one whole line');
    this.lines.push(line);
  }

  get records(): Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  get last(): Record<string, unknown> {
    return this.records.at(-1) ?? {};
  }
}
