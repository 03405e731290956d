// Seeds as people write them: one number, or a range `A..B` that contains both.
import { OpError } from '@holdfast/base';

export interface SeedRange {
  readonly first: number;
  readonly last: number;
}

export const seedMax = 2 ** 32 - 1;

export function parseSeed(text: string): number {
  const seed = /^\d{1,10}$/.test(text) ? Number(text) : Infinity;
  if (seed <= seedMax) return seed;
  throw new OpError('ARGUMENT_WRONG', {
    argument: 'SEED',
    reason: `is a whole number up to ${seedMax}, not "${text}"`,
  });
}

export function parseSeeds(text: string): SeedRange {
  const wrong = (reason: string): OpError => new OpError('FLAG_WRONG', { flag: '--seeds', reason });
  const match = /^(\d{1,10})\.\.(\d{1,10})$/.exec(text);
  if (match === null) throw wrong(`is a range such as 1..500, not "${text}"`);
  const [first, last] = [Number(match[1]), Number(match[2])];
  if (first > last) throw wrong(`runs backwards: ${first} comes after ${last}`);
  if (last > seedMax) throw wrong(`goes beyond ${seedMax}, the largest seed`);
  return { first, last };
}

export function* seedsOf({ first, last }: SeedRange): Generator<number> {
  for (let seed = first; seed <= last; seed++) yield seed;
}

/** The value of a flag that counts something. */
export function parseCount(flag: string, text: string, most: number): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= most) return count;
  throw new OpError('FLAG_WRONG', { flag, reason: `is a whole number from 1 to ${most}, not "${text}"` });
}
