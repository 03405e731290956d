// What is left when a command or the cluster itself is killed, and that nothing is touched which merely looks like a cluster's.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { attempt } from '../../dev-env/attempt.ts';
import { expectNoTraces, ownCase } from '../../dev-env/own-case.ts';
import { OwnCluster, script, stateRoot } from '../../dev-env/own-cluster.ts';
import { expectRefusal } from '../../dev-env/refusal.ts';
import { run } from '../../kube/command.ts';

const cluster = new OwnCluster('decrash');
const clusters = [cluster];
const environment = { CLUSTER: cluster.name };

beforeEach(() => cluster.down(), 60_000);
afterEach(async () => {
  await cluster.down();
  expectNoTraces(cluster.name);
}, 60_000);

/** Kills `cluster.sh up` (and nothing that it started) as soon as that file is there. */
async function upKilledAt(file: string): Promise<void> {
  const up = spawn(script('cluster.sh'), ['up', '2'], { env: { ...process.env, ...environment }, stdio: 'ignore' });
  await run(['bash', '-c', 'until [ -e "$0" ]; do sleep 0.01; done', file], { limitMs: 60_000 });
  up.kill('SIGKILL');
  await once(up, 'close');
}

const moments: readonly (readonly [moment: string, file: string])[] = [
  ['a disk was made', `${stateRoot}/decrash/disks/disk0.img`],
  ['certificates were being made', join(cluster.stateFolder, 'pki/admin.key')],
  ['the control plane was starting', join(cluster.stateFolder, 'made/init')],
  ['the first node was starting', join(cluster.stateFolder, 'nodes/decrash-1/init')],
  ['the API server had become ready', join(cluster.stateFolder, 'api-ready')],
];
for (const [moment, file] of moments) {
  ownCase(`up that is killed when ${moment} leaves what down removes`, clusters, () => upKilledAt(file));
}

ownCase('up that follows a killed one starts over', clusters, async () => {
  await upKilledAt(join(cluster.stateFolder, 'nodes/decrash-1/init'));
  expect(await cluster.status()).toContain('decrash is half-started');
  await cluster.up(1);
  expect(await cluster.status()).toMatch(/decrash is up, [^]*decrash-1 +on +Ready/);
});

ownCase('a cluster whose first process was killed is gone at once, and up starts another', clusters, async () => {
  await cluster.up(1);
  const [init = ''] = (await readFile(join(cluster.stateFolder, 'made/init'), 'utf8')).split(' ');
  process.kill(Number(init), 'SIGKILL');
  await run(['bash', '-c', 'while kill -0 "$0" 2>/dev/null; do sleep 0.01; done', init]);
  expect(await cluster.status()).toContain('decrash is down');
  await cluster.up(1);
  expect(await cluster.status()).toMatch(/decrash is up, [^]*decrash-1 +on +Ready/);
});

ownCase('a cluster with paused, unplugged and dead nodes goes without a trace', clusters, async () => {
  await cluster.up(3);
  await cluster.node('freeze', 1);
  await cluster.node('cut', 2);
  await cluster.node('kill', 3);
});

ownCase('a disk that is open is not torn away, and goes once it is closed', clusters, async () => {
  await cluster.disks('create', '2', '1G');
  const disk = await open('/dev/holdfast/decrash/disk0');
  await expectRefusal([script('disks.sh'), 'remove'], 'disk0 (/dev/loop', { environment });
  await disk.close();
});

ownCase('records that name what is not ours do nothing to it', clusters, async () => {
  const work = await mkdtemp(join(tmpdir(), 'holdfast-foreign-'));
  const other = spawn('sleep', ['600'], { stdio: 'ignore', detached: true });
  const foreignFile = join(work, 'foreign.img');
  await run(['truncate', '--size=1M', foreignFile]);
  const device = (await run(['losetup', '--find', '--show', foreignFile])).trim();
  try {
    const made = join(cluster.stateFolder, 'made');
    await mkdir(made, { recursive: true });
    await writeFile(join(made, 'boot'), await readFile('/proc/sys/kernel/random/boot_id'));
    // A pid that came back for another process, a folder and an interface that were made again by somebody else.
    await writeFile(join(made, 'init'), `${String(other.pid)} 1\n`);
    await writeFile(join(made, 'cgroups'), '999999 /sys/fs/cgroup/pids\n');
    await run(['ip', 'link', 'add', 'hf-decrash', 'type', 'bridge']);
    await writeFile(join(made, 'link'), '999999\n');
    await run(['mkdir', '--parents', `${stateRoot}/decrash/disks`, '/dev/holdfast/decrash']);
    await run(['truncate', '--size=1M', `${stateRoot}/decrash/disks/disk0.img`]);
    await run(['ln', '--symbolic', device, '/dev/holdfast/decrash/disk0']);
    await writeFile(`${stateRoot}/decrash/disks/devices-before`, '');
    await cluster.down();
    expect(other.exitCode).toBeNull();
    expect((await attempt(['losetup', device])).exitCode).toBe(0);
    expect((await attempt(['ip', 'link', 'show', 'hf-decrash'])).exitCode).toBe(0);
  } finally {
    other.kill('SIGKILL');
    await run(['losetup', '--detach', device]);
    await attempt(['ip', 'link', 'delete', 'hf-decrash']);
    await rm(work, { recursive: true });
  }
});
