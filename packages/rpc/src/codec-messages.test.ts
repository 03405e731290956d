// What must hold for every message of every .proto file, walked from the files themselves: a message or field that is added
// later is tried without a line here. @bufbuild/protobuf reads and writes the same bytes as the judge.
import { join } from 'node:path';
import { create, fromBinary, toBinary, type DescMessage } from '@bufbuild/protobuf';
import { OpError } from '@holdfast/base';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { arbitraryMessages, type PlainMessage } from './generate/arbitrary.ts';
import { referenceRegistry, toReference } from './generate/reference.ts';
import { modelOf, parseProto, protoFolder, type FieldModel, type MessageModel } from './generate/schema.ts';
import * as csi from './generated/csi.ts';
import * as everything from './generated/fixture/everything.ts';
import * as metadata from './generated/metadata.ts';
import * as pluginregistration from './generated/pluginregistration.ts';
import * as sessions from './generated/sessions.ts';

interface Codec {
  readonly empty: PlainMessage;
  readonly encode: (value: PlainMessage) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => PlainMessage;
}

const files = [
  { path: join(protoFolder, 'csi.proto'), module: csi, runs: 20 },
  { path: join(protoFolder, 'metadata.proto'), module: metadata, runs: 50 },
  { path: join(protoFolder, 'pluginregistration.proto'), module: pluginregistration, runs: 50 },
  { path: join(protoFolder, 'sessions.proto'), module: sessions, runs: 50 },
  { path: join(import.meta.dirname, 'generate/fixtures/everything.proto'), module: everything, runs: 200 },
].map(({ path, module, runs }) => {
  const model = modelOf(path, parseProto(path));
  return {
    file: model.file,
    model,
    module,
    runs,
    arbitraries: arbitraryMessages(model),
    registry: referenceRegistry(path),
  };
});
type File = (typeof files)[number];

function codecOf({ module }: File, { name }: MessageModel): Codec {
  const exported = module as Readonly<Record<string, unknown>>;
  return {
    empty: exported[`empty${name}`] as PlainMessage,
    encode: exported[`encode${name}`] as Codec['encode'],
    decode: exported[`decode${name}`] as Codec['decode'],
  };
}

function arbitraryOf(file: File, message: MessageModel): fc.Arbitrary<PlainMessage> {
  const found = file.arbitraries.get(message.fullName);
  if (found === undefined) throw new Error(`${message.fullName} has no arbitrary`);
  return found;
}

function schemaOf(file: File, message: MessageModel): DescMessage {
  const found = file.registry.getMessage(message.fullName);
  if (found === undefined) throw new Error(`${message.fullName} is not in the registry`);
  return found;
}

const ranges: Readonly<Record<string, readonly [min: bigint, max: bigint]>> = {
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  sint64: [-(2n ** 63n), 2n ** 63n - 1n],
  sfixed64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  fixed64: [0n, 2n ** 64n - 1n],
};

function rangeOf({ value }: FieldModel): readonly [min: bigint, max: bigint] | null {
  return value.kind === 'scalar' || value.kind === 'wrapper' ? (ranges[value.type] ?? null) : null;
}

/** `empty` with one field set to `item`, in the shape that the field has. */
function withItem(empty: PlainMessage, field: FieldModel, item: unknown): PlainMessage {
  if (field.oneof !== null) return { ...empty, [field.oneof]: { kind: field.name, value: item } };
  const shapes = { single: item, list: [item, item], map: { key: item } };
  return { ...empty, [field.name]: shapes[field.shape] };
}

test.each(files)('every 64-bit field of $file carries its limits exactly', (file) => {
  for (const message of file.model.messages) {
    const { empty, encode, decode } = codecOf(file, message);
    for (const field of message.fields) {
      const range = rangeOf(field);
      if (range === null) continue;
      const [min, max] = range;
      for (const limit of [
        min,
        min + 1n,
        -1n,
        0n,
        1n,
        2n ** 32n - 1n,
        2n ** 32n,
        2n ** 53n,
        2n ** 53n + 1n,
        max - 1n,
        max,
      ]) {
        if (limit < min) continue;
        const value = withItem(empty, field, limit);
        expect(decode(encode(value))).toEqual(value);
        const reference = toReference(file.model, message, value);
        const schema = schemaOf(file, message);
        expect(fromBinary(schema, encode(value))).toEqual(create(schema, reference));
      }
    }
  }
});

test.each(files)('a value past the limits of a 64-bit field of $file is refused with the name of the field', (file) => {
  for (const message of file.model.messages) {
    const { empty, encode } = codecOf(file, message);
    for (const field of message.fields) {
      const range = rangeOf(field);
      if (range === null) continue;
      for (const beyond of [range[0] - 1n, range[1] + 1n, 2n ** 64n, -(2n ** 64n), 2n ** 200n]) {
        expect(() => encode(withItem(empty, field, beyond))).toThrow(
          expect.objectContaining({
            code: 'FIELD_OUT_OF_RANGE',
            details: { field: field.fullName, value: `${beyond}` },
          }),
        );
      }
    }
  }
});

test('the files hold 64-bit fields, so that the two tests above try something', () => {
  const counts = files.map(({ model }) => model.messages.flatMap(({ fields }) => fields).filter(rangeOf).length);
  expect(counts).toEqual([expect.any(Number), expect.any(Number), 0, expect.any(Number), 24]);
  expect(counts[0]).toBeGreaterThanOrEqual(17);
  expect(counts[1]).toBeGreaterThanOrEqual(50);
});

test.each(files)('any message of $file comes back as it was sent, and the judge reads and writes the same', (file) => {
  for (const message of file.model.messages) {
    const { encode, decode } = codecOf(file, message);
    const schema = schemaOf(file, message);
    fc.assert(
      fc.property(arbitraryOf(file, message), (value) => {
        const bytes = encode(value);
        expect(decode(bytes)).toEqual(value);
        const judged = create(schema, toReference(file.model, message, value));
        expect(fromBinary(schema, bytes)).toEqual(judged);
        expect(decode(toBinary(schema, judged))).toEqual(value);
      }),
      { numRuns: file.runs },
    );
  }
});

test.each(files)('no bytes at all are the empty message of $file, and it is no bytes', (file) => {
  for (const message of file.model.messages) {
    const { empty, encode, decode } = codecOf(file, message);
    expect(decode(new Uint8Array())).toEqual(empty);
    expect(encode(empty)).toHaveLength(0);
  }
});

/** Decodes whatever it is given; anything but a value or MESSAGE_MALFORMED is a failure of the test. */
function decodeOrRefuse({ decode, encode }: Codec, bytes: Uint8Array): 'read' | 'refused' {
  try {
    encode(decode(bytes));
    return 'read';
  } catch (error) {
    if (error instanceof OpError && error.code === 'MESSAGE_MALFORMED') return 'refused';
    throw error;
  }
}

test.each(files)('garbage for a message of $file is read or refused, and nothing else happens', (file) => {
  for (const message of file.model.messages) {
    const codec = codecOf(file, message);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        decodeOrRefuse(codec, bytes);
      }),
      { numRuns: file.runs },
    );
  }
});

test.each(files)('a message of $file that was cut or hit by a flipped bit is read or refused', (file) => {
  for (const message of file.model.messages) {
    const codec = codecOf(file, message);
    fc.assert(
      fc.property(arbitraryOf(file, message), fc.nat(), fc.nat({ max: 7 }), (value, at, bit) => {
        const bytes = Uint8Array.from(codec.encode(value));
        if (bytes.length === 0) return;
        const position = at % bytes.length;
        decodeOrRefuse(codec, bytes.subarray(0, position));
        bytes[position] = (bytes[position] ?? 0) ^ (1 << bit);
        decodeOrRefuse(codec, bytes);
      }),
      { numRuns: file.runs },
    );
  }
});
