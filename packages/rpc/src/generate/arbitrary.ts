// Arbitrary values of any message, from its model: what the properties of the converters are tried with. Values are canonical:
// what a reader of the bytes must get back exactly.
import fc from 'fast-check';
import type { FieldModel, FileModel, MessageModel, ScalarType, ValueModel } from './schema.ts';

export type PlainMessage = Readonly<Record<string, unknown>>;

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const int32 = fc.integer();
const uint32 = fc.nat({ max: 2 ** 32 - 1 });
const text = fc.string({ unit: 'binary', maxLength: 12 });

const scalars: Readonly<Record<ScalarType, fc.Arbitrary<unknown>>> = {
  // The wire has one zero for a field without presence.
  double: fc.double().map((value) => value + 0),
  float: fc.float().map((value) => value + 0),
  int32,
  uint32,
  sint32: int32,
  fixed32: uint32,
  sfixed32: int32,
  int64,
  uint64,
  sint64: int64,
  fixed64: uint64,
  sfixed64: int64,
  string: text,
  bool: fc.boolean(),
  bytes: fc.uint8Array({ maxLength: 12 }),
};

/** The values of every message of a file by full name. */
export function arbitraryMessages(model: FileModel): ReadonlyMap<string, fc.Arbitrary<PlainMessage>> {
  const byName = new Map<string, fc.Arbitrary<PlainMessage>>();
  const models = new Map(model.messages.map((message) => [message.name, message]));

  const messageOf = (message: MessageModel): fc.Arbitrary<PlainMessage> => {
    const known = byName.get(message.fullName);
    if (known !== undefined) return known;
    const plain = message.fields
      .filter(({ oneof }) => oneof === null)
      .map((field) => [field.name, fieldOf(field)] as const);
    const oneofs = message.oneofs.map((oneof) => [oneof, oneofOf(message, oneof)] as const);
    const made = fc.record(Object.fromEntries([...plain, ...oneofs]));
    byName.set(message.fullName, made);
    return made;
  };
  const valueOf = (value: ValueModel): fc.Arbitrary<unknown> => {
    if (value.kind === 'scalar' || value.kind === 'wrapper') return scalars[value.type];
    if (value.kind === 'enum') return enumOf(model, value.name);
    const message = models.get(value.name);
    if (message === undefined) throw new Error(`${value.fullName} is not in the model`);
    return messageOf(message);
  };
  const fieldOf = (field: FieldModel): fc.Arbitrary<unknown> => {
    const value = valueOf(field.value);
    if (field.shape === 'list') return fc.array(value, { maxLength: 3 });
    if (field.shape === 'map') return fc.dictionary(fc.oneof(text, fc.constant('__proto__')), value, { maxKeys: 3 });
    return field.nullable ? fc.option(value) : value;
  };
  const oneofOf = (message: MessageModel, oneof: string): fc.Arbitrary<unknown> => {
    const members = message.fields.filter((field) => field.oneof === oneof);
    return fc.option(
      fc.oneof(...members.map((field) => valueOf(field.value).map((value) => ({ kind: field.name, value })))),
    );
  };

  model.messages.forEach(messageOf);
  return byName;
}

function enumOf(model: FileModel, name: string): fc.Arbitrary<unknown> {
  const values = model.enums.find((candidate) => candidate.name === name)?.values ?? [];
  const known = new Set(values.map(({ number }) => number));
  return fc.oneof(
    fc.constantFrom(...values.map((value) => value.name)),
    int32.filter((number) => !known.has(number)),
  );
}
