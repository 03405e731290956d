// A whole amount written as a number and a unit: the grammar that byte sizes and durations share. Computes in bigint, because
// 0.1 × 2^50 in floating point is not what a person wrote, and refuses what is not a whole number of the base unit.
import { OpError } from './op-error.ts';

export interface QuantitySpec {
  /** What an error calls it, as in "8 apples is not a duration". */
  readonly name: string;
  readonly example: string;
  /** From the smallest, which is the base and worth 1, to the largest. */
  readonly units: readonly { readonly symbol: string; readonly worth: number }[];
}

/** No amount that people write is longer; it keeps the error's line short and the arithmetic small. */
const textLimitChars = 40;
const pattern = /^(\d+)(?:\.(\d+))? ?([A-Za-zµ]+)$/;

/** The amount in base units: a safe integer. A bare number is refused: nobody can tell whether 30 is seconds or hours. */
export function parseQuantity(text: string, spec: QuantitySpec): number {
  const value = text.length <= textLimitChars ? text : `${text.slice(0, textLimitChars)}…`;
  const match = text.length <= textLimitChars ? pattern.exec(text) : null;
  if (match === null) {
    throw new OpError('QUANTITY_MALFORMED', { value: quote(value), quantity: spec.name, example: spec.example });
  }
  const [, whole = '', fraction = '', symbol = ''] = match;
  const unit = spec.units.find((candidate) => candidate.symbol === symbol);
  if (unit === undefined) {
    const units = spec.units.map((candidate) => candidate.symbol).join(', ');
    throw new OpError('UNIT_UNKNOWN', { value: quote(value), unit: symbol, quantity: spec.name, units });
  }
  const scaled = BigInt(whole + fraction) * BigInt(unit.worth);
  const divisor = 10n ** BigInt(fraction.length);
  const amount = scaled / divisor;
  if (scaled % divisor !== 0n || amount > BigInt(Number.MAX_SAFE_INTEGER)) {
    const base = spec.units[0]?.symbol ?? '';
    throw new OpError('QUANTITY_OUT_OF_RANGE', { value: quote(value), base, limit: Number.MAX_SAFE_INTEGER });
  }
  return Number(amount);
}

/** The shortest exact text: in the largest unit that divides the amount. */
export function formatQuantity(amount: number, spec: QuantitySpec): string {
  if (!Number.isSafeInteger(amount) || amount < 0) {
    const base = spec.units[0]?.symbol ?? '';
    throw new OpError('QUANTITY_OUT_OF_RANGE', { value: amount, base, limit: Number.MAX_SAFE_INTEGER });
  }
  const unit = spec.units.findLast(({ worth }) => amount !== 0 && amount % worth === 0) ?? spec.units[0];
  return unit === undefined ? String(amount) : `${amount / unit.worth}${unit.symbol}`;
}

function quote(value: string): string {
  return JSON.stringify(value);
}
