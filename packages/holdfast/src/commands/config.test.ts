import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { recordingSystem } from '@holdfast/cli/internal';
import { runWords } from '../command-line.ts';
import { commandTable } from '../command-table.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...words: string[]): Promise<string> {
  const { system, lines } = recordingSystem({ commands: commandTable });
  const environment = { HOLDFAST_METADATA_LISTEN: '10.0.0.1:7400', HOLDFAST_NODE_NAME: 'worker-1' };
  await runWords(words, { ...system, environment });
  return lines.join('\n');
}

test('config show tells what is in force and where each value comes from', async () => {
  const file = join(folder, 'm1.yaml');
  writeFileSync(file, 'certificates: /etc/holdfast\npeers:\n  - m2=10.0.0.2:7400\n  - m3=10.0.0.3:7400\n');
  const rows = (await run('config', 'show', 'metadata', '--config', file))
    .split('\n')
    .map((line) => line.split(/ {2,}/));
  expect(rows).toContainEqual(['KEY', 'VALUE', 'SOURCE']);
  expect(rows).toContainEqual(['certificates', '/etc/holdfast', `${file}:1`]);
  expect(rows).toContainEqual(['peers', 'm2=10.0.0.2:7400,m3=10.0.0.3:7400', `${file}:2`]);
  expect(rows).toContainEqual(['listen', '10.0.0.1:7400', 'environment HOLDFAST_METADATA_LISTEN']);
  expect(rows).toContainEqual(['drainTimeout', '10s', 'default']);
});

test('a role of two words is one, and every role hears the name of the node from one variable', async () => {
  for (const role of ['metadata', 'csi-controller', 'csi-node']) {
    const certificates = join(folder, 'certificates.yaml');
    writeFileSync(certificates, role === 'metadata' ? 'certificates: /etc/holdfast\n' : '');
    const shown = await run('config', 'show', role, '--config', certificates);
    expect(shown).toMatch(/^nodeName +worker-1 +environment HOLDFAST_NODE_NAME$/m);
  }
});

const long = `/${'x'.repeat(110)}/csi.sock`;
test.each([
  ['nodeName', 'the node id "Worker_1" is not a Kubernetes object name', 'Worker_1'],
  ['endpoint', 'has 120 bytes; the kernel takes 107', long],
  ['endpoint', '"unix:csi.sock" is no address', 'csi.sock'],
  ['kubeletEndpoint', 'has 120 bytes; the kernel takes 107', long],
  ['kubeletEndpoint', 'it is empty', ''],
  ['registrationDir', 'it is empty', ''],
  ['maxVolumesPerNode', '"0" is not a whole number from 1 to 4096', '0'],
  ['maxVolumesPerNode', '"2e2" is not a whole number from 1 to 4096', '2e2'],
  ['bootIdFile', 'it is empty', ''],
  ['healthListen', '"9808" is no address', '9808'],
])('%s of the node service is refused with its reason: %s', async (key, reason, value) => {
  const file = join(folder, 'node.yaml');
  writeFileSync(file, `nodeName: n1\n${key}: '${value}'\n`.replace(/^nodeName: n1\nnodeName/, 'nodeName'));
  const { system } = recordingSystem({ commands: commandTable });
  const checking = runWords(['config', 'check', 'csi-node', '--config', file], { ...system, environment: {} });
  await expect(checking).rejects.toThrow(`${key} (${file}:${key === 'nodeName' ? 1 : 2}) is wrong: `);
  await expect(checking).rejects.toThrow(reason);
});

test('what config show prints as YAML is a configuration that config check takes', async () => {
  const first = join(folder, 'first.yaml');
  writeFileSync(first, 'certificates: /etc/holdfast\nlogLevel: debug\n');
  const shown = join(folder, 'shown.yaml');
  writeFileSync(shown, await run('config', 'show', 'metadata', '--config', first, '-o', 'yaml'));
  expect(await run('config', 'check', 'metadata', '--config', shown)).toMatch(
    /^the configuration of metadata is complete/,
  );
  expect(await run('config', 'show', 'metadata', '--config', shown, '-o', 'json')).toContain('"logLevel": "debug"');
});

test('a role that does not exist is answered with those that do', async () => {
  await expect(run('config', 'show', 'metdata')).rejects.toThrow(
    'ROLE takes metadata, csi-controller, csi-node, not "metdata"; did you mean metadata?',
  );
});
