// How long a person waits: for the version, and for a role from its start to the line that says ready.
import { median, type Bench } from '@holdfast/tooling';
import { ProcessCluster, runHoldfast } from './testing.ts';

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
  },
};
export default bench;

async function timed(action: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await action();
  return performance.now() - begin;
}
