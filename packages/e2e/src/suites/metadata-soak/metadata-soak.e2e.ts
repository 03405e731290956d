// Three metadata servers under load, with a random fault every five seconds: MINUTES long (10 if nothing is said), with the faults of SEED
// (told in the report). Nothing acknowledged is lost, nothing happens twice, and the history is linearizable; it lies in the folder
// of artefacts. Needs root.
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { mib, RealClock, RealRandom, RealTimers } from '@holdfast/base';
import { SeededRandom } from '@holdfast/base/internal';
import {
  certificateFilesIn,
  CertificateKeeper,
  createChannel,
  FileCertificateStore,
  loadMetadataServices,
  quietLog,
  type Channel,
  type MetadataClient,
} from '@holdfast/rpc';
import { clusterCase } from '../../case.ts';
import { artefactsVariable } from '../../suites.ts';
import { GroupView } from '../../metadata/group-view.ts';
import { befall } from './faults.ts';
import { History } from './history.ts';
import { judgeHistory } from './judge.ts';
import { finalState, Load, SettingWatch } from './load.ts';
import { MemberSite } from '../../metadata/member-site.ts';

const minuteMs = 60_000;
const durationMs = Number(process.env['MINUTES'] ?? 10) * minuteMs;
const seed = process.env['SEED'] ?? String(new RealRandom().below(2 ** 31));
const folder = process.env[artefactsVariable] ?? tmpdir();
const tailBytes = 4 * mib;
const clients = 4;
/** For what comes before and behind the faults. */
const aroundMs = 10 * minuteMs;
const parts = {
  clock: new RealClock(),
  timers: new RealTimers(),
  random: new RealRandom(),
  log: quietLog,
  metrics: null,
};

clusterCase(
  'what was acknowledged is there, once, whatever befalls the members, and every answer fits into one order',
  async (cluster) => {
    const site = await MemberSite.make(cluster);
    const store = new FileCertificateStore(certificateFilesIn(cluster.identity('admin', 'ada')));
    const keeper = await CertificateKeeper.open({ ...parts, store });
    const channels: Channel[] = [];
    for (const { apiAddress } of site.members) {
      channels.push(await createChannel({ ...parts, keeper, address: apiAddress }));
    }
    const view = await GroupView.open(site.members, { ...parts, keeper });
    try {
      await soak({ site, channels, view });
    } catch (error) {
      await keepTails(cluster.folder);
      throw error;
    } finally {
      view.close();
      for (const channel of channels) channel.close();
      await keeper.stop();
      await site.close();
    }
  },
  durationMs + aroundMs,
);

/** Of what the servers wrote; all of it is more than anybody reads. */
async function keepTails(from: string): Promise<void> {
  for (const name of ['m1', 'm2', 'm3']) {
    const text = await readFile(join(from, `${name}.log`));
    await writeFile(join(folder, `${name}.log`), text.subarray(-tailBytes));
  }
}

interface Soak {
  readonly site: MemberSite;
  readonly channels: readonly Channel[];
  readonly view: GroupView;
}

async function soak({ site, channels, view }: Soak): Promise<void> {
  const services = await loadMetadataServices();
  const random = new SeededRandom(seed);
  await writeFile(join(folder, 'seed'), `${seed}\n`);
  const callers: MetadataClient[] = [];
  for (let at = 0; at < clients; at++) callers.push(await site.group.client());
  const history = new History(join(folder, 'history.jsonl'));
  await view.whole();
  const load = await Load.begin({ clients: callers, history, random: random.fork('load') });
  const watch = new SettingWatch(channels, services);
  const counts = await befall({ site, history, random: random.fork('faults'), durationMs });
  await view.whole();
  await load.end();
  const final = await finalState(callers, services);
  await watch.end(final.revision);
  await site.group.agree();
  await history.close();
  const { entries } = history;
  const failed = entries.filter(({ error }) => error !== null).length;
  const report = {
    ...{ seed, calls: entries.length, failed, restarts: site.restarts, volumes: final.volumes.size },
    faults: Object.fromEntries(counts),
  };
  await writeFile(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  console.log(JSON.stringify(report));
  expect(judgeHistory(entries, { ...final, changes: watch.changes })).toEqual([]);
  expect(watch.problems).toEqual([]);
  // A history of nothing proves nothing.
  expect(entries.length - failed).toBeGreaterThan(durationMs / 100);
}
