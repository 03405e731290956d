// The real program, run as people run it. Short: the long stories are in packages/e2e/src/suites/processes.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ProcessCluster, RoleProcess, runHoldfast, type Ended } from './testing.ts';

let cluster: ProcessCluster;
let admin: string;
beforeAll(async () => {
  cluster = await ProcessCluster.create();
  [admin] = await Promise.all([cluster.issue('admin', 'ada'), cluster.issue('metadata', 'm1')]);
});
afterAll(async () => cluster.close());

const fails = async (words: readonly string[], environment = {}): Promise<Ended> => runHoldfast(words, { environment });

/** One line for a person, and nothing of our insides. */
function expectOneLine(ended: Ended, code: number, line: string): void {
  expect(ended.stderr.split('\n')).toEqual([expect.stringContaining(line), '']);
  expect(ended.stderr).toMatch(/^holdfast: .+ \[[A-Z_]+\]\. [A-Z].*\.\n$/);
  expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: '' });
}

test('two servers serve and call each other, answer Status, and end with 0 at SIGTERM', async () => {
  await cluster.issue('metadata', 'm2');
  const first = cluster.startMetadata('m1');
  const firstAddress = await first.ready();
  const second = cluster.startMetadata('m2', ['--peers', `m1=${firstAddress}`]);
  const secondAddress = await second.ready();
  await second.line('peer reachable');

  const { code, stdout } = await cluster.status(admin, [firstAddress, secondAddress]);
  expect(code).toBe(0);
  expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['SERVER', 'VERSION', 'HEALTH', 'YOU ARE', 'PEERS'],
    [firstAddress, expect.any(String), 'serving', 'admin/ada', '-'],
    [secondAddress, expect.any(String), 'serving', 'admin/ada', 'm1 reachable'],
    [''],
  ]);

  expect(await first.stop()).toMatchObject({ code: 0, stderr: '' });
  await second.line('peer unreachable');
  expect(await second.stop('SIGINT')).toMatchObject({ code: 0, stderr: '' });

  const gone = await cluster.status(admin, [firstAddress]);
  expectOneLine(
    gone,
    69,
    `no connection to ${firstAddress}: connect ECONNREFUSED ${firstAddress} [SERVER_UNREACHABLE]`,
  );
});

test('a wrong command line ends in one line and 64', async () => {
  const [command, flag, parameter, group] = await Promise.all([
    fails(['metdata']),
    fails(['metadata', '--listn', 'x']),
    fails(['completion', 'fish']),
    fails(['pki']),
  ]);
  expectOneLine(command, 64, 'there is no command "metdata"; did you mean metadata? [COMMAND_UNKNOWN]');
  expectOneLine(flag, 64, 'metadata has no flag --listn; did you mean --listen? [FLAG_UNKNOWN]');
  expectOneLine(parameter, 64, 'SHELL takes bash, zsh, not "fish" [ARGUMENT_WRONG]');
  expectOneLine(group, 64, 'pki is the first word of several commands');
});

test('a wrong configuration ends in one line that names the key and its source', async () => {
  const file = join(cluster.folder, 'm1.yaml');
  await writeFile(file, 'certificates: x\npeerIntervall: 2s\n');
  const [key, variable, unit, unreadable, missing] = await Promise.all([
    fails(['metadata', '--config', file]),
    fails(['metadata'], { HOLDFAST_METADATA_LISTN: 'x' }),
    fails(['metadata', '--certificates', 'x', '--drain-timeout', '10MiB']),
    fails(['metadata', '--config', join(cluster.folder, 'none.yaml')]),
    fails(['metadata']),
  ]);
  expectOneLine(key, 64, `no key peerIntervall (${file}:2); did you mean peerInterval? [CONFIG_KEY_UNKNOWN]`);
  expectOneLine(variable, 64, 'did you mean HOLDFAST_METADATA_LISTEN? [CONFIG_KEY_UNKNOWN]');
  expectOneLine(unit, 64, 'drainTimeout (flag --drain-timeout) is wrong: "10MiB" has the unit MiB');
  expectOneLine(unreadable, 66, 'none.yaml cannot be read: there is no such file [CONFIG_FILE_UNREADABLE]');
  expectOneLine(missing, 64, 'the configuration of metadata needs a value for certificates [CONFIG_VALUE_MISSING]');
});

test('a server that cannot listen ends in one line and 75 or 64', async () => {
  const server = cluster.startMetadata('m1');
  const address = await server.ready();
  const longPath = `unix:/${'x'.repeat(120)}`;
  const [inUse, tooLong] = await Promise.all([
    RoleProcess.start([
      'metadata',
      '--certificates',
      cluster.identity('metadata', 'm1'),
      '--listen',
      address,
      '--health-listen',
      'off',
    ]).ended,
    fails([
      'metadata',
      '--certificates',
      cluster.identity('metadata', 'm1'),
      '--listen',
      longPath,
      '--health-listen',
      'off',
    ]),
  ]);
  expect(inUse.stderr).toContain(
    `holdfast: cannot listen on ${address}: another process does already [LISTEN_ADDRESS_IN_USE]. `,
  );
  expect(inUse.code).toBe(75);
  expectOneLine(tooLong, 64, 'has 121 bytes; the kernel takes 107');
  await server.stop();
});

test('a defect and its stack are told only with --debug, an expected failure has no stack', async () => {
  const plain = await fails(['status', '--server', 'x', '--certificates', admin]);
  expectOneLine(plain, 64, '"x" is no address [ADDRESS_MALFORMED]');
  const debug = await fails(['status', '--server', 'x', '--certificates', admin, '--debug']);
  expect(debug.stderr).toContain('\n    at ');
});

test('health and metrics are served over plain HTTP, and a taken port is one line', async () => {
  const server = cluster.startMetadata('m1', ['--health-listen', '127.0.0.1:0']);
  await server.ready();
  const address = String((await server.line('health served'))['address']);
  const ready = await fetch(`http://${address}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([200, expect.objectContaining({ ready: true })]);
  const metrics = await (await fetch(`http://${address}/metrics`)).text();
  expect(metrics).toMatch(/^holdfast_build_info\{.*role="metadata".*\} 1$/m);
  expect(metrics).toMatch(/^holdfast_certificate_expiry_seconds\{certificate="identity"\} \d/m);
  const { code, stderr } = await cluster.startMetadata('m1', ['--health-listen', address]).ended;
  expect(stderr).toMatch(/^holdfast: cannot listen on [^\n]+ \[LISTEN_ADDRESS_IN_USE\]\. [^\n]+\n$/);
  expect(code).toBe(75);
  await server.stop();
});

test('help and version answer without a configuration, and the version says the commit', async () => {
  const [index, role, version] = await Promise.all([
    runHoldfast([]),
    runHoldfast(['help', 'metadata']),
    runHoldfast(['--version']),
  ]);
  expect(index.stdout).toContain('  metadata ');
  expect(role.stdout).toContain('--peer-interval DURATION');
  expect(version.stdout).toMatch(/^holdfast \d+\.\d+\.\d+( \(commit [0-9a-f]{12}\))?\n$/);
  expect([index.code, role.code, version.code]).toEqual([0, 0, 0]);
});
