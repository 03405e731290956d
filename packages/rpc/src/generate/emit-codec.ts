// Emits the converters of a file: for each message its empty value, and encode and decode between bytes and the plain value. They
// are straight-line code, one object literal each way, so that the engine sees one shape per message.
import type { EnumModel, FieldModel, FileModel, MessageModel, ScalarType, ValueModel } from './schema.ts';
import { docLines, head, lowerFirst, stemOf } from './text.ts';

/** The helper that takes a scalar to the static code, or null where it goes as it is. */
const toRaw: Readonly<Record<ScalarType, string | null>> = {
  double: null,
  float: null,
  int32: 'rawOfInt32',
  uint32: 'rawOfUint32',
  sint32: 'rawOfInt32',
  fixed32: 'rawOfUint32',
  sfixed32: 'rawOfInt32',
  int64: 'rawOfInt64',
  uint64: 'rawOfUint64',
  sint64: 'rawOfInt64',
  fixed64: 'rawOfUint64',
  sfixed64: 'rawOfInt64',
  string: 'rawOfText',
  bool: null,
  bytes: null,
};

const ofRaw: Readonly<Partial<Record<ScalarType, string>>> = {
  int64: 'int64OfRaw',
  uint64: 'uint64OfRaw',
  sint64: 'int64OfRaw',
  fixed64: 'uint64OfRaw',
  sfixed64: 'int64OfRaw',
};

const emptyScalars: Readonly<Partial<Record<ScalarType, string>>> = {
  int64: '0n',
  uint64: '0n',
  sint64: '0n',
  fixed64: '0n',
  sfixed64: '0n',
  string: "''",
  bool: 'false',
  bytes: 'new Uint8Array()',
};

export function emitCodec(model: FileModel, toSource: string): string {
  const stem = stemOf(model.file);
  const lines = [
    head(model.file, 'The converters between bytes and plain values: the only callers of the static code.'),
    `import * as codec from '${toSource}/codec.ts';`,
    `import * as raw from './${stem}-static.js';`,
    `import type * as types from './${stem}-types.ts';`,
    '',
    `export type * from './${stem}-types.ts';`,
    '',
    ...model.enums.flatMap(enumLines),
    ...model.messages.flatMap((message) => messageLines(message, model.enums)),
  ];
  return lines.join('\n');
}

function enumLines({ name, values }: EnumModel): string[] {
  return [
    `export const ${lowerFirst(name)}Table = codec.enumTable({`,
    ...values.map((value) => `  ${value.name}: ${value.number},`),
    '});',
    '',
  ];
}

function messageLines(message: MessageModel, enums: readonly EnumModel[]): string[] {
  const { name, fullName } = message;
  return [
    ...docLines(`A \`${fullName}\` in which nothing is set.`, ''),
    `export const empty${name}: types.${name} = {`,
    ...emptyEntries(message, enums).map((entry) => `  ${entry},`),
    '};',
    '',
    `export function encode${name}(value: types.${name}): Uint8Array {`,
    `  return codec.encodeRaw(raw.${name}, rawOf${name}(value));`,
    '}',
    '',
    `export function decode${name}(bytes: Uint8Array): types.${name} {`,
    `  return ${lowerFirst(name)}OfRaw(codec.decodeRaw(raw.${name}, bytes, '${fullName}'));`,
    '}',
    '',
    ...rawOfLines(message),
    '',
    ...ofRawLines(message),
    '',
  ];
}

function rawOfLines(message: MessageModel): string[] {
  const { name } = message;
  if (message.fields.length === 0) {
    return [`function rawOf${name}(_value: types.${name}): raw.Raw${name} {`, '  return {};', '}'];
  }
  const entries = message.fields.map((field) => `    ${field.name}: ${fieldToRaw(field)},`);
  return [`function rawOf${name}(value: types.${name}): raw.Raw${name} {`, '  return {', ...entries, '  };', '}'];
}

function fieldToRaw(field: FieldModel): string {
  if (field.oneof !== null) {
    const chosen = `value.${field.oneof}`;
    return `${chosen}?.kind === '${field.name}' ? ${valueToRaw(field.value, `${chosen}.value`, field)} : null`;
  }
  const whole = `value.${field.name}`;
  if (field.shape === 'list') return `${whole}.map((item) => ${valueToRaw(field.value, 'item', field)})`;
  if (field.shape === 'map') {
    const ofTexts = field.value.kind === 'scalar' && field.value.type === 'string';
    if (ofTexts) return `codec.rawOfTexts(${whole}, '${field.fullName}')`;
    return `codec.rawOfMap(${whole}, '${field.fullName}', (item) => ${valueToRaw(field.value, 'item', field)})`;
  }
  const converted = valueToRaw(field.value, whole, field);
  return field.nullable && converted !== whole ? `${whole} === null ? null : ${converted}` : converted;
}

function valueToRaw(value: ValueModel, expression: string, { fullName }: FieldModel): string {
  switch (value.kind) {
    case 'scalar':
      return scalarToRaw(value.type, expression, fullName);
    case 'wrapper':
      return `({ value: ${scalarToRaw(value.type, expression, fullName)} })`;
    case 'enum':
      return `codec.rawOfEnum(${lowerFirst(value.name)}Table, ${expression}, '${fullName}')`;
    case 'message':
      return `rawOf${value.name}(${expression})`;
  }
}

function scalarToRaw(type: ScalarType, expression: string, fullName: string): string {
  const helper = toRaw[type];
  return helper === null ? expression : `codec.${helper}(${expression}, '${fullName}')`;
}

function ofRawLines(message: MessageModel): string[] {
  const { name } = message;
  const from = lowerFirst(name);
  if (message.fields.length === 0) {
    return [`function ${from}OfRaw(_raw: raw.Raw${name}): types.${name} {`, '  return {};', '}'];
  }
  const entries = message.fields
    .filter(({ oneof }) => oneof === null)
    .map((field) => `    ${field.name}: ${fieldOfRaw(field)},`);
  for (const oneof of message.oneofs) {
    const members = message.fields.filter((field) => field.oneof === oneof);
    entries.push(`    ${oneof}:`, ...members.map(oneofMember), '      null,');
  }
  return [`function ${from}OfRaw(from: raw.Raw${name}): types.${name} {`, '  return {', ...entries, '  };', '}'];
}

function oneofMember(field: FieldModel): string {
  const value = valueOfRaw(field.value, `from.${field.name}`);
  return `      from.${field.name} !== null ? { kind: '${field.name}', value: ${value} } :`;
}

function fieldOfRaw(field: FieldModel): string {
  const whole = `from.${field.name}`;
  const item = valueOfRaw(field.value, 'item');
  if (field.shape === 'list') return item === 'item' ? whole : `${whole}.map((item) => ${item})`;
  if (field.shape === 'map') return `codec.mapOfRaw(${whole}, (item) => ${item})`;
  const converted = valueOfRaw(field.value, whole);
  return field.nullable && converted !== whole ? `${whole} === null ? null : ${converted}` : converted;
}

function valueOfRaw(value: ValueModel, expression: string): string {
  switch (value.kind) {
    case 'scalar':
      return scalarOfRaw(value.type, expression);
    case 'wrapper':
      return scalarOfRaw(value.type, `${expression}.value`);
    case 'enum':
      return `codec.enumOfRaw(${lowerFirst(value.name)}Table, ${expression})`;
    case 'message':
      return `${lowerFirst(value.name)}OfRaw(${expression})`;
  }
}

function scalarOfRaw(type: ScalarType, expression: string): string {
  const helper = ofRaw[type];
  return helper === undefined ? expression : `codec.${helper}(${expression})`;
}

function emptyEntries(message: MessageModel, enums: readonly EnumModel[]): string[] {
  const plain = message.fields.filter(({ oneof }) => oneof === null);
  return [
    ...plain.map((field) => `${field.name}: ${emptyField(field, enums)}`),
    ...message.oneofs.map((oneof) => `${oneof}: null`),
  ];
}

function emptyField({ shape, nullable, value }: FieldModel, enums: readonly EnumModel[]): string {
  if (shape === 'list') return '[]';
  if (shape === 'map') return '{}';
  if (nullable) return 'null';
  if (value.kind === 'scalar') return emptyScalars[value.type] ?? '0';
  if (value.kind !== 'enum') throw new Error(`a ${value.kind} that cannot be null has no empty value`);
  const zero = enums.find(({ name }) => name === value.name)?.values.find(({ number }) => number === 0);
  if (zero === undefined) throw new Error(`the enum ${value.name} has no value 0`);
  return `'${zero.name}'`;
}
