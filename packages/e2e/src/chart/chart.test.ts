import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { isMap, isScalar, parse, parseDocument, type Pair, type YAMLMap } from 'yaml';

const root = join(import.meta.dirname, '../../../..');
const chart = join(root, 'charts/holdfast');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly additionalProperties?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly definitions?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly $ref?: string;
}

const schema = JSON.parse(read('charts/holdfast/values.schema.json')) as Schema;
const valuesText = read('charts/holdfast/values.yaml');

/** A schema with what its reference says filled in. */
function resolve(part: Schema): Schema {
  const name = part.$ref?.replace('#/definitions/', '');
  return name === undefined ? part : { ...resolve(schema.definitions?.[name] ?? {}), ...part };
}

function* partsOf(path: string, unresolved: Schema): Generator<[string, Schema]> {
  const part = resolve(unresolved);
  yield [path, part];
  for (const [key, child] of Object.entries(part.properties ?? {})) yield* partsOf(`${path}.${key}`, child);
  for (const child of Object.values(part.patternProperties ?? {})) yield* partsOf(`${path}.*`, child);
  if (part.items !== undefined) yield* partsOf(`${path}[]`, part.items);
}

const parts = [...partsOf('', schema)];

test('the schema refuses keys that it does not know, at every level', () => {
  const open = parts.filter(
    ([, { type, additionalProperties }]) => [type].flat().includes('object') && additionalProperties !== false,
  );
  // Helm puts what a parent chart shares into this one, whatever it is.
  expect(open.map(([path]) => path)).toEqual(['.global']);
});

test('every key of the schema says what it is for', () => {
  const named = parts.filter(([path]) => path !== '' && !/(\*|\[\])$/.test(path));
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter(([, { description = '' }]) => !/^[A-Z].*\.$/.test(description)).map(([path]) => path)).toEqual(
    [],
  );
});

interface Key {
  readonly path: string;
  readonly comment: string;
}

const keyOf = ({ key }: Pair): string => (isScalar(key) ? String(key.value) : '');

/** Those of block mappings: what stands on one line is described by the line above. */
function* keysOf(map: YAMLMap, path = ''): Generator<Key> {
  for (const [index, pair] of map.items.entries()) {
    const { key, value } = pair;
    const before = isScalar(key) ? (key.commentBefore ?? '') : '';
    // The parser gives the first comment of a mapping to the mapping.
    const comment = before === '' && index === 0 ? (map.commentBefore ?? '') : before;
    yield { path: `${path}.${keyOf(pair)}`, comment };
    if (isMap(value) && value.flow !== true) yield* keysOf(value, `${path}.${keyOf(pair)}`);
  }
}

test('values.yaml gives every key of the schema a default and a comment, and has no other', () => {
  const { contents } = parseDocument(valuesText);
  const keys = isMap(contents) ? [...keysOf(contents)] : [];
  expect(keys.filter(({ comment }) => comment.trim() === '').map(({ path }) => path)).toEqual([]);
  const inSchema = parts
    .map(([path]) => path.replace('.storageClasses.*', '.storageClasses.holdfast'))
    // One line says what a mapping or list of Kubernetes' own holds.
    .filter((path) => path !== '' && path !== '.global' && !/[\][*]|\.(requests|limits)\./.test(path));
  expect(keys.map(({ path }) => path).toSorted()).toEqual(inSchema.toSorted());
});

test('the sidecars are those that dev-env builds, of the releases that the design pins', () => {
  const { sidecars } = parse(valuesText) as { sidecars: Record<string, { image?: { tag: string } }> };
  const versions = read('dev-env/versions.env');
  const releases: string[] = [];
  for (const [name, { image }] of Object.entries(sidecars)) {
    if (image === undefined) continue;
    const version = new RegExp(`^CSI_${name.toUpperCase()}_VERSION=(.*)$`, 'm').exec(versions)?.[1];
    expect(`${name} ${image.tag}`).toBe(`${name} v${version ?? 'missing'}`);
    releases.push(`${name} ${image.tag.split('.')[0] ?? ''}`);
  }
  expect(releases).toEqual(['provisioner v6', 'attacher v4', 'resizer v2', 'snapshotter v8']);
});

test('chart, image and program have one version', () => {
  const { version, appVersion } = parse(read('charts/holdfast/Chart.yaml')) as Record<string, unknown>;
  const { version: packed } = JSON.parse(read('package.json')) as { version: string };
  expect({ version, appVersion }).toEqual({ version: packed, appVersion: packed });
});

test('every template is rendered by the golden values, or holds parts and notes only', () => {
  const fixtures = join(import.meta.dirname, 'fixtures');
  const rendered = readdirSync(fixtures).map((name) => readFileSync(join(fixtures, name), 'utf8'));
  const missing = readdirSync(join(chart, 'templates')).filter(
    (name) => !rendered.some((text) => text.includes(`# Source: holdfast/templates/${name}\n`)),
  );
  expect(missing.toSorted()).toEqual(['NOTES.txt', '_helpers.tpl']);
});
