// The chart and the program know each other: what is rendered is what the driver can do, and pods are started with words that
// it understands.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { capabilityTable, driverName } from '@holdfast/csi-driver';
import { runHoldfast } from '@holdfast/holdfast/internal';
import { parse, parseAllDocuments } from 'yaml';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string }[];
}
interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly provisioner?: string;
  readonly spec?: { readonly template?: { readonly spec: { readonly containers: readonly Container[] } } };
}

const golden = (name: string): readonly Rendered[] =>
  parseAllDocuments(readFileSync(join(import.meta.dirname, 'fixtures', `${name}.yaml`), 'utf8')).map(
    (document) => document.toJS() as Rendered,
  );
const full = golden('full');

interface Values {
  readonly sidecars: Readonly<Record<string, { readonly enabled?: boolean; readonly topology?: boolean }>>;
}
const chartFolder = join(import.meta.dirname, '../../../../charts/holdfast');
const { sidecars } = parse(readFileSync(join(chartFolder, 'values.yaml'), 'utf8')) as Values;

const capabilities: ReadonlySet<string> = new Set(capabilityTable.map(({ type }) => type));

test('a sidecar runs by default if the driver can do what it asks for, and only then', () => {
  const has = (type: string): boolean => capabilities.has(type);
  const wanted = {
    provisioner: has('CREATE_DELETE_VOLUME'),
    attacher: has('PUBLISH_UNPUBLISH_VOLUME'),
    resizer: has('EXPAND_VOLUME') || has('MODIFY_VOLUME'),
    snapshotter: has('CREATE_DELETE_SNAPSHOT'),
    topology: has('VOLUME_ACCESSIBILITY_CONSTRAINTS') && has('GET_CAPACITY'),
  };
  const { provisioner, attacher, resizer, snapshotter } = sidecars;
  expect({
    provisioner: provisioner?.enabled,
    attacher: attacher?.enabled,
    resizer: resizer?.enabled,
    snapshotter: snapshotter?.enabled,
    topology: provisioner?.topology,
  }).toEqual(wanted);
});

test('the chart names the driver as the driver names itself', () => {
  const names = full.flatMap(({ kind, metadata, provisioner }) => {
    if (kind === 'CSIDriver') return [metadata.name];
    return kind === 'StorageClass' ? [provisioner] : [];
  });
  expect(names).toEqual([driverName, driverName, driverName]);
});

/** What flags say, as the environment says it: `config check` takes no flags of roles. */
function environmentOf(role: string, flags: readonly string[]): Record<string, string> {
  const constant = (text: string): string => text.toUpperCase().replaceAll('-', '_');
  return Object.fromEntries(
    flags.map((flag) => {
      const [, key = '', value = ''] = /^--([a-z-]+)=(.*)$/.exec(flag) ?? [];
      return [`HOLDFAST_${constant(role)}_${constant(key)}`, value];
    }),
  );
}

test.each(['default', 'full'])('the values %s start roles with settings that they have', async (name) => {
  const containers = golden(name)
    .flatMap(({ spec }) => spec?.template?.spec.containers ?? [])
    .filter(({ name: container }) => !container.startsWith('csi-'));
  expect(containers.map((container) => container.name).toSorted()).toEqual(['controller', 'node']);
  for (const { args, env } of containers) {
    const role = args.filter((word) => !word.startsWith('--')).join('-');
    const flags = args.filter((word) => word.startsWith('--'));
    expect(env?.map((variable) => variable.name)).toEqual(['HOLDFAST_NODE_NAME']);
    const environment = { ...environmentOf(role, flags), HOLDFAST_NODE_NAME: 'n1' };
    const { code, stdout, stderr } = await runHoldfast(['config', 'check', role], { environment });
    expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout: expect.stringContaining('is complete') });
  }
});
