// Emits protobufjs' static code for a file and the declarations of what the converters use of it. Relies on pbjs, to which it
// hands the parsed file as JSON without services, extensions and what the messages do not reach: csi.proto imports the whole of
// descriptor.proto for its options, which would be half of the code.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type protobuf from 'protobufjs';
import pbjs from 'protobufjs-cli/pbjs.js';
import type { FieldModel, FileModel, MessageModel, ScalarType, ValueModel } from './schema.ts';
import { head, stemOf } from './text.ts';

const pbjsFlags = [
  ...['--target', 'static-module', '--wrap', 'esm', '--null-semantics', '--lint', ''],
  ...['--no-create', '--no-verify', '--no-convert', '--no-delimited', '--no-typeurl', '--no-service', '--no-comments'],
];

const rawScalars: Readonly<Record<ScalarType, string>> = {
  double: 'number',
  float: 'number',
  int32: 'number',
  uint32: 'number',
  sint32: 'number',
  fixed32: 'number',
  sfixed32: 'number',
  int64: 'Raw64',
  uint64: 'Raw64',
  sint64: 'Raw64',
  fixed64: 'Raw64',
  sfixed64: 'Raw64',
  string: 'string',
  bool: 'boolean',
  bytes: 'Uint8Array',
};

/** The static code, with every message once more under its flat name. */
export async function emitStatic(model: FileModel, root: protobuf.Root): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-generate-'));
  try {
    const input = join(folder, 'pruned.json');
    const output = join(folder, 'static.js');
    writeFileSync(input, JSON.stringify(prune(model, root)));
    await runPbjs([...pbjsFlags, '--root', `holdfast.${stemOf(model.file)}`, '--out', output, input]);
    const flat = model.messages.map(({ name, fullName }) => `export const ${name} = ${fullName};`);
    return [
      head(model.file, 'The wire format; only the converters beside this file may use it.'),
      readFileSync(output, 'utf8').trim(),
      '',
      ...flat,
      '',
    ].join('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const runPbjs = promisify(pbjs.main);

function prune(model: FileModel, root: protobuf.Root): protobuf.INamespace {
  const kept = new Set([...model.messages, ...model.enums].map(({ fullName }) => fullName));
  for (const { value } of model.messages.flatMap(({ fields }) => fields)) {
    if (value.kind === 'wrapper') kept.add(wrapperName(value.type));
  }
  const json = root.toJSON();
  pruneNamespace(json, '', kept);
  return json;
}

function wrapperName(type: ScalarType): string {
  const name = type
    .replace(/^u/, 'U')
    .replace(/(^|U)([a-z])/, (_all, prefix: string, first: string) => prefix + first.toUpperCase());
  return `google.protobuf.${name}Value`;
}

/** Keeps the kept types and the namespaces that lead to them; says whether anything is left. */
function pruneNamespace(json: protobuf.INamespace, path: string, kept: ReadonlySet<string>): boolean {
  const nested = Object.entries(json.nested ?? {}).filter(([name, child]) => {
    const childPath = path === '' ? name : `${path}.${name}`;
    const below = 'nested' in child && pruneNamespace(child, childPath, kept);
    return below || kept.has(childPath);
  });
  json.nested = Object.fromEntries(nested);
  return nested.length > 0;
}

/** What a converter may put into a message of the static code, and finds in one that was decoded. */
export function emitStaticTypes(model: FileModel, toSource: string): string {
  const messages = model.messages.flatMap((message) => [
    ...rawLines(message),
    `export const ${message.name}: RawMessage<Raw${message.name}>;`,
    '',
  ]);
  const used = messages.some((line) => line.includes('Raw64')) ? 'Raw64, RawMessage' : 'RawMessage';
  return [
    head(model.file, 'The shapes of the static code, as far as the converters use it.'),
    `import type { ${used} } from '${toSource}/codec.ts';`,
    '',
    ...messages,
  ].join('\n');
}

function rawLines({ name, fields }: MessageModel): string[] {
  if (fields.length === 0) return [`export type Raw${name} = object;`];
  return [
    `export interface Raw${name} {`,
    ...fields.map((field) => `  readonly ${field.name}: ${rawField(field)};`),
    '}',
  ];
}

function rawField(field: FieldModel): string {
  const value = rawValue(field.value);
  if (field.shape === 'list') return `readonly ${value}[]`;
  if (field.shape === 'map') return `Readonly<Record<string, ${value}>>`;
  return field.nullable || field.oneof !== null ? `${value} | null` : value;
}

function rawValue(value: ValueModel): string {
  switch (value.kind) {
    case 'scalar':
      return rawScalars[value.type];
    case 'wrapper':
      return `{ readonly value: ${rawScalars[value.type]} }`;
    case 'enum':
      return 'number';
    case 'message':
      return `Raw${value.name}`;
  }
}
