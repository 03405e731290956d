// How long a person waits: for the version, and for a role from its start to the line that says ready.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, type Bench } from '@holdfast/tooling';
import { ProcessCluster, RoleProcess, runHoldfast } from './testing.ts';

const rounds = 7;

const bench: Bench = {
  name: 'foundation',
  async run(report) {
    const versionMs: number[] = [];
    for (let round = 0; round < rounds; round += 1) versionMs.push(await timed(async () => runHoldfast(['--version'])));
    report.figure('version-from-sources', median(versionMs), 'ms', { atMost: 400 });

    const cluster = await ProcessCluster.create();
    try {
      await cluster.issue('metadata', 'm1');
      const startMs: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const begin = performance.now();
        const server = cluster.startMetadata('m1');
        await server.ready();
        startMs.push(performance.now() - begin);
        await server.stop();
      }
      report.figure('role-start-to-ready', median(startMs), 'ms', { atMost: 600 });
    } finally {
      await cluster.close();
    }
    report.figure('csi-node-start-to-ready', median(await csiNodeStartsMs()), 'ms', { atMost: 600 });
  },
};
export default bench;

/** A node whose driver restarts cannot mount a volume until it is back. */
async function csiNodeStartsMs(): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-start-'));
  const socket = join(folder, 'csi.sock');
  const words = ['csi', 'node', '--node-name', 'n1', '--endpoint', socket, '--kubelet-endpoint', socket];
  const startMs: number[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      const begin = performance.now();
      const node = RoleProcess.start([...words, '--registration-dir', folder, '--health-listen', 'off']);
      await node.ready();
      startMs.push(performance.now() - begin);
      await node.stop();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return startMs;
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await action();
  return performance.now() - begin;
}
