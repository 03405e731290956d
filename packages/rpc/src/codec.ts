// What every generated converter stands on: the only way between our values and protobufjs. protobufjs writes 0 for a bigint,
// wraps a number that is too big, and writes bytes that no other implementation reads for half a surrogate pair; so each of
// those passes a check here first. Relies on `long`, without which protobufjs would round 64-bit fields while it decodes.
import { OpError, invariant } from '@holdfast/base';

/** The two halves of a 64-bit field, as protobufjs hands them out. */
export interface Bits64 {
  readonly low: number;
  readonly high: number;
}
export type Raw64 = number | Bits64;

/** One message of the protobufjs static code. */
export interface RawMessage<Raw> {
  encode(raw: Raw): { readonly len: number; finish(): Uint8Array };
  decode(bytes: Uint8Array): Raw;
}

const nothing = new Uint8Array(0);

export function encodeRaw<Raw>(message: RawMessage<Raw>, raw: Raw): Uint8Array {
  const writer = message.encode(raw);
  // As most answers are, and a view of nothing costs as much as one of something.
  return writer.len === 0 ? nothing : writer.finish();
}

export function decodeRaw<Raw>(message: RawMessage<Raw>, bytes: Uint8Array, name: string): Raw {
  try {
    return message.decode(bytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OpError('MESSAGE_MALFORMED', { message: name, reason }, { cause });
  }
}

const safeMin = BigInt(Number.MIN_SAFE_INTEGER);
const safeMax = BigInt(Number.MAX_SAFE_INTEGER);
const highUnit = 2 ** 32;
/** Below this, `high * 2^32 + low` is exact as a number, and one conversion to bigint is cheaper than a shift and an or. */
const highSafeLimit = 2 ** 21;

export function rawOfInt64(value: bigint, field: string): Raw64 {
  if (value >= safeMin && value <= safeMax) return Number(value);
  if (value !== BigInt.asIntN(64, value)) throw outOfRange(field, value);
  return halves(value);
}

export function rawOfUint64(value: bigint, field: string): Raw64 {
  if (value >= 0n && value <= safeMax) return Number(value);
  if (value !== BigInt.asUintN(64, value)) throw outOfRange(field, value);
  return halves(value);
}

function halves(value: bigint): Bits64 {
  return { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)) };
}

export function int64OfRaw(raw: Raw64): bigint {
  invariant(typeof raw === 'object', 'protobufjs decodes 64-bit fields exactly only with the package long');
  return joined(raw.high, raw.low >>> 0);
}

export function uint64OfRaw(raw: Raw64): bigint {
  invariant(typeof raw === 'object', 'protobufjs decodes 64-bit fields exactly only with the package long');
  return joined(raw.high >>> 0, raw.low >>> 0);
}

function joined(high: number, low: number): bigint {
  if (high < highSafeLimit && high >= -highSafeLimit) return BigInt(high * highUnit + low);
  return (BigInt(high) << 32n) | BigInt(low);
}

export function rawOfInt32(value: number, field: string): number {
  if ((value | 0) !== value) throw outOfRange(field, value);
  return value;
}

export function rawOfUint32(value: number, field: string): number {
  if (value >>> 0 !== value) throw outOfRange(field, value);
  return value;
}

export function rawOfText(value: string, field: string): string {
  if (!value.isWellFormed()) throw new OpError('FIELD_NOT_UNICODE', { field });
  return value;
}

/** An enum as one table: the numbers by name to encode, the names by number to decode. */
export interface EnumTable<Name extends string> {
  readonly numbers: Readonly<Record<Name, number>>;
  readonly names: ReadonlyMap<number, Name>;
}

export function enumTable<Name extends string>(numbers: Readonly<Record<Name, number>>): EnumTable<Name> {
  const names = new Map<number, Name>();
  for (const [name, number] of Object.entries<number>(numbers)) names.set(number, name as Name);
  return { numbers, names };
}

export function rawOfEnum<Name extends string>(table: EnumTable<Name>, value: Name | number, field: string): number {
  if (typeof value === 'number') return rawOfInt32(value, field);
  if (!Object.hasOwn(table.numbers, value)) throw outOfRange(field, value);
  return table.numbers[value];
}

/** The name of a number, or the number itself: a later version of the peer may know a value that this one does not. */
export function enumOfRaw<Name extends string>(table: EnumTable<Name>, raw: number): Name | number {
  return table.names.get(raw) ?? raw;
}

/** A map of texts goes to the static code as it is, which reads its own keys only. */
export function rawOfTexts(values: Readonly<Record<string, string>>, field: string): Readonly<Record<string, string>> {
  for (const key of Object.keys(values)) {
    rawOfText(key, field);
    rawOfText(values[key] ?? '', field);
  }
  return values;
}

export function rawOfMap<Value, Raw>(
  values: Readonly<Record<string, Value>>,
  field: string,
  rawOf: (value: Value) => Raw,
): Readonly<Record<string, Raw>> {
  const raw = dictionary<Raw>();
  for (const [key, value] of Object.entries(values)) raw[rawOfText(key, field)] = rawOf(value);
  return raw;
}

/** Without a prototype: "constructor" is absent unless somebody sent it, and "__proto__" is a key like any other. */
export function mapOfRaw<Raw, Value>(
  raw: Readonly<Record<string, Raw>>,
  ofRaw: (raw: Raw) => Value,
): Readonly<Record<string, Value>> {
  const values = dictionary<Value>();
  for (const [key, value] of Object.entries(raw)) values[key] = ofRaw(value);
  return values;
}

function dictionary<Value>(): Record<string, Value> {
  return Object.create(null) as Record<string, Value>;
}

function outOfRange(field: string, value: string | number | bigint): OpError {
  return new OpError('FIELD_OUT_OF_RANGE', { field, value });
}
