// Emits the interfaces of a file's messages. They stand apart from the converters so that nobody loads them: every import of
// them is a type import, and the specification's long comments cost nothing at run time.
import type { FieldModel, FileModel, MessageModel, ScalarType, ValueModel } from './schema.ts';
import { docLines, head } from './text.ts';

const scalarTypes: Readonly<Record<ScalarType, string>> = {
  double: 'number',
  float: 'number',
  int32: 'number',
  uint32: 'number',
  sint32: 'number',
  fixed32: 'number',
  sfixed32: 'number',
  int64: 'bigint',
  uint64: 'bigint',
  sint64: 'bigint',
  fixed64: 'bigint',
  sfixed64: 'bigint',
  string: 'string',
  bool: 'boolean',
  bytes: 'Uint8Array',
};

export function emitTypes(model: FileModel): string {
  const lines = [
    head(model.file, 'The messages as plain values; the rules are in packages/rpc/docs/generated-code.md.'),
  ];
  for (const { name, fullName, values, comment } of model.enums) {
    lines.push(...docLines(comment ?? `\`${fullName}\``, ''), `export type ${name} =`);
    for (const value of values) lines.push(...docLines(value.comment, '  '), `  | '${value.name}'`);
    lines.push('  /** A value that this version does not know. */', '  | number;', '');
  }
  for (const message of model.messages) lines.push(...messageLines(message), '');
  return lines.join('\n');
}

function messageLines(message: MessageModel): string[] {
  const doc = docLines(message.comment ?? `\`${message.fullName}\``, '');
  if (message.fields.length === 0) return [...doc, `export type ${message.name} = Readonly<Record<string, never>>;`];
  const lines = [...doc, `export interface ${message.name} {`];
  for (const field of message.fields.filter(({ oneof }) => oneof === null)) {
    lines.push(...docLines(field.comment, '  '), `  readonly ${field.name}: ${fieldType(field)};`);
  }
  for (const oneof of message.oneofs) lines.push(...oneofLines(message, oneof));
  return [...lines, '}'];
}

function oneofLines(message: MessageModel, oneof: string): string[] {
  const lines = [`  readonly ${oneof}:`];
  for (const field of message.fields.filter((candidate) => candidate.oneof === oneof)) {
    lines.push(
      ...docLines(field.comment, '    '),
      `    | { readonly kind: '${field.name}'; readonly value: ${valueType(field.value)} }`,
    );
  }
  return [...lines, '    | null;'];
}

function fieldType(field: FieldModel): string {
  const value = valueType(field.value);
  if (field.shape === 'list') return `readonly ${field.value.kind === 'enum' ? `(${value})` : value}[]`;
  if (field.shape === 'map') return `Readonly<Record<string, ${value}>>`;
  return field.nullable ? `${value} | null` : value;
}

function valueType(value: ValueModel): string {
  return value.kind === 'scalar' || value.kind === 'wrapper' ? scalarTypes[value.type] : value.name;
}
