// Between what the wire holds and what the state works with: 64-bit numbers, words of enums, fields that must be there.
import { OpError } from '@holdfast/base';
import type { Timestamp } from '@holdfast/rpc';

/** A count or a number as the state has it. Above 2^53 no field of the state goes. */
export function toNumber(value: bigint, field: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new OpError('FIELD_OUT_OF_RANGE', { field, value: String(value) });
  return Number(value);
}

export function toOptionalNumber(value: bigint | null, field: string): number | null {
  return value === null ? null : toNumber(value, field);
}

/** A name or an id. */
export function toWord(value: string, field: string): string {
  if (value === '') throw new OpError('FIELD_MISSING', { field });
  return value;
}

export function present<Value>(value: Value | null, field: string): Value {
  if (value === null) throw new OpError('FIELD_MISSING', { field });
  return value;
}

/** 'BEST_EFFORT' as 'best-effort'; what is not one of `words` was not said. */
export function toChoice<Word extends string>(value: string | number, words: readonly Word[], field: string): Word {
  const found = words.find((word) => fromChoice(word) === value);
  return present(found ?? null, field);
}

export function fromChoice<Word extends string>(word: Word): ChoiceOf<Word> {
  return word.toUpperCase().replaceAll('-', '_') as ChoiceOf<Word>;
}

type ChoiceOf<Word extends string> = Word extends `${infer Head}-${infer Tail}`
  ? `${Uppercase<Head>}_${ChoiceOf<Tail>}`
  : Uppercase<Word>;

export function toTimestamp(atMs: number): Timestamp {
  const seconds = Math.floor(atMs / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((atMs - seconds * 1000) * 1_000_000) };
}
