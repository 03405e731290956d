// What becomes of three metadata servers whose wall clocks jump: nothing that counts is judged by them but certificates and tokens.
import { expect } from '@jest/globals';
import { RealClock } from '@holdfast/base';
import { clusterCase } from '../../case.ts';
import { launchServer } from '../../metadata/holdfast-servers.ts';
import { WallClocks } from '../../metadata/wall-clocks.ts';
import { expectKept } from './group-case.ts';
import { loopbackSite, MetadataGroup } from './metadata-group.ts';
import { VolumeLoad } from './volume-load.ts';

const clock = new RealClock();
const hourMs = 3_600_000;
/** Certificates are backdated by more. */
const backMs = -20_000;
const limitMs = 5 * 60_000;
const names = ['m1', 'm2', 'm3'] as const;

clusterCase(
  'wall clocks that jump hold nobody up, and lose nothing',
  async (cluster) => {
    const clocks = await WallClocks.make(cluster.folder, names);
    const group = await MetadataGroup.ofThree(cluster, {
      ...loopbackSite(cluster),
      launch: (name, words) => launchServer(cluster, name, words, clocks.wordsFor(name)),
    });
    try {
      const load = await VolumeLoad.begin(await group.client());
      const more = async (): Promise<void> => {
        const least = load.acknowledged.size + 200;
        await group.until('volumes are made', async () => load.acknowledged.size >= least);
      };
      await more();
      for (const aheadMs of [hourMs, backMs, 0]) {
        const { name } = await group.leader();
        await clocks.set(name, aheadMs);
        await more();
        await clocks.set(name, 0);
        await more();
      }
      await cluster.issue('metadata', 'm5');
      const token = (await group.run(['add', 'm5'])).trim();
      for (const name of names) await clocks.set(name, hourMs);
      const late = { name: 'm5', ...(await loopbackSite(cluster).place('m5')) };
      const { stdout, stderr } = await group.tryJoin([...group.homeWords(late), '--token', token]);
      expect([stdout, stderr]).toEqual(['', expect.stringContaining('[MEMBER_TOKEN_REFUSED]')]);
      await expectLater(group);
      for (const [at, name] of names.entries()) await clocks.set(name, at * hourMs);
      await more();
      await load.end();
      await expectKept(load);
      await group.agree();
    } finally {
      await group.close();
    }
  },
  limitMs,
);

/** They do live by another time: one that was made before has ended, and tokens end an hour later than they would. */
async function expectLater(group: Pick<MetadataGroup, 'run'>): Promise<void> {
  const { endTime } = JSON.parse(await group.run(['add', 'm4', '-o', 'json'])) as { readonly endTime: string };
  expect(Date.parse(endTime) - clock.wallMs()).toBeGreaterThan(hourMs);
}
