// The files that the generator reads, what it refuses, and the tables that it derives.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { secretFields as fixtureSecrets } from '../generated/fixture/secrets.ts';
import { methodList as fixtureMethods } from '../generated/fixture/services.ts';
import { secretFields } from '../generated/secrets.ts';
import {
  loadCsiServices,
  loadMetadataServices,
  loadPluginregistrationServices,
  loadSessionsServices,
  methodList,
} from '../generated/services.ts';
import { modelOf, parseProto, protoFolder } from './schema.ts';

const fixtures = join(import.meta.dirname, 'fixtures');

function readProto(file: string): string {
  return readFileSync(join(protoFolder, file), 'utf8');
}

test('the files of others are byte for byte those that the README names', () => {
  const sums = [...readProto('README.md').matchAll(/^([0-9a-f]{64}) {2}(\S+)$/gm)];
  expect(sums.map(([, , file]) => file)).toEqual(['csi.proto', 'pluginregistration.proto']);
  for (const [, sum, file] of sums) {
    expect(
      createHash('sha256')
        .update(readProto(file ?? ''))
        .digest('hex'),
    ).toBe(sum);
  }
});

test.each(['metadata.proto', 'sessions.proto'])('every part of %s has a comment', (file) => {
  const path = join(protoFolder, file);
  const { messages, enums, services } = modelOf(path, parseProto(path));
  const own = [...messages, ...enums, ...services].filter(({ fullName }) => fullName.startsWith('holdfast.'));
  const parts = [
    ...own,
    ...messages.filter((message) => own.includes(message)).flatMap(({ fields }) => fields),
    ...enums.flatMap(({ values }) => values),
    ...services.flatMap(({ methods }) => methods),
  ];
  expect(parts.length).toBeGreaterThan(40);
  expect(parts.filter(({ comment }) => comment === null).map(({ name }) => name)).toEqual([]);
});

test.each([
  ['recursive.proto', 'contains itself'],
  ['numbered-map.proto', 'maps with string keys only'],
  ['clash.proto', 'would both be named OuterInner'],
])('%s is refused: %s', (file, reason) => {
  const path = join(fixtures, file);
  expect(() => modelOf(path, parseProto(path))).toThrow(reason);
});

/** The secret fields as a reader of the text finds them, without a parser: message by message, by the mark's line. */
function scanSecrets(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const open: string[] = [];
  let statement = '';
  for (const line of text.split('\n').map((whole) => whole.replace(/\/\/.*$/, '').trim())) {
    statement += ` ${line}`;
    if (!/[;{}]$/.test(line)) continue;
    const block = /\bmessage\s+(\w+)\s*\{$/.exec(statement);
    if (line.endsWith('{')) open.push(block?.[1] ?? '');
    const field = /(\w+)\s*=\s*\d+\s*\[.*csi_secret\)\s*=\s*true/.exec(statement);
    if (field !== null) {
      const message = open.filter((name) => name !== '').join('.');
      found.set(message, [...(found.get(message) ?? []), field[1] ?? '']);
    }
    if (line.endsWith('}')) open.pop();
    statement = '';
  }
  return found;
}

test.each([
  { file: 'csi.proto', packageName: 'csi.v1', least: 20 },
  { file: 'metadata.proto', packageName: 'holdfast.metadata.v1', least: 2 },
])('every field that $file marks csi_secret is in the table of secret fields', ({ file, packageName, least }) => {
  const text = readProto(file);
  const scanned = scanSecrets(text);
  const marks = text.match(/\((csi\.v1\.)?csi_secret\)\s*=\s*true/g) ?? [];
  expect([...scanned.values()].flat()).toHaveLength(marks.length);
  expect(marks.length).toBeGreaterThanOrEqual(least);
  const known = Object.keys(secretFields).filter((name) => name.startsWith(`${packageName}.`));
  expect(known.toSorted()).toEqual([...scanned.keys()].map((name) => `${packageName}.${name}`).toSorted());
  for (const [message, fields] of scanned) expect(secretFields[`${packageName}.${message}`]).toEqual(fields);
});

test('a secret inside a nested message is named by its path from every message around it', () => {
  expect(fixtureSecrets).toEqual({
    'holdfast.fixture.v1.Credentials': ['password'],
    'holdfast.fixture.v1.Hiding.Inner': ['deep.password'],
    'holdfast.fixture.v1.Hiding': [
      'secrets',
      'single.password',
      'list.*.password',
      'byName.*.password',
      'choice.value.password',
      'inner.*.deep.password',
    ],
  });
});

test('the list of methods holds every rpc of every file, as the tables with the converters do', async () => {
  const { csiServices } = await loadCsiServices();
  const { metadataServices } = await loadMetadataServices();
  const { pluginregistrationServices } = await loadPluginregistrationServices();
  const { sessionsServices } = await loadSessionsServices();
  const services = [...csiServices, ...metadataServices, ...pluginregistrationServices, ...sessionsServices];
  const paths = services.flatMap(({ methods }) => Object.values(methods).map(({ path }) => path as string));
  expect(methodList.map(({ path }) => path as string).toSorted()).toEqual(paths.toSorted());
  const texts = ['csi.proto', 'metadata.proto', 'pluginregistration.proto', 'sessions.proto'].map(readProto);
  expect(paths).toHaveLength(texts.flatMap((text) => text.match(/^\s*rpc /gm) ?? []).length);
  expect(csiServices.map(({ name }) => name)).toEqual([
    'csi.v1.Identity',
    'csi.v1.Controller',
    'csi.v1.GroupController',
    'csi.v1.SnapshotMetadata',
    'csi.v1.Node',
  ]);
});

test('a method says which of its sides are streams', () => {
  expect(
    fixtureMethods.map(({ method, requestStream, responseStream }) => [method, requestStream, responseStream]),
  ).toEqual([
    ['Unary', false, false],
    ['Download', false, true],
    ['Upload', true, false],
    ['Both', true, true],
  ]);
});

/** Every file that loading `path` loads: its static imports, without those of types. */
function loadedBy(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  const imports = readFileSync(path, 'utf8').matchAll(/^(?:import|export) (?!type\b)[^;]*?['"](\.[^'"]+)['"];/gm);
  for (const [, specifier] of imports) loadedBy(join(dirname(path), specifier ?? ''), seen);
  return seen;
}

test('only who asks for the code of csi.proto loads it', () => {
  const source = join(import.meta.dirname, '..');
  const csiCode = join(source, 'generated/csi-static.js');
  expect(loadedBy(join(source, 'generated/csi-services.ts'))).toContain(csiCode);
  for (const start of ['index.ts', 'internal.ts', 'generated/services.ts', 'generated/metadata-services.ts']) {
    expect(loadedBy(join(source, start))).not.toContain(csiCode);
  }
});
