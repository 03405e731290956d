// How long a killed leader is missed: from SIGKILL to the first acknowledgement of a write that was called behind it, thirty times, through
// the client that everybody uses; beside etcd, whose survivors are both asked at once, so that no client of theirs could be faster. Each
// kill waits until the group is whole again. What was acknowledged is read at the end. KILLS takes another number of them for a look.
import { invariant, isOpError, RealClock, RealRandom, RealTimers, sleep } from '@holdfast/base';
import { ProcessCluster } from '@holdfast/holdfast/internal';
import {
  certificateFilesIn,
  CertificateKeeper,
  FileCertificateStore,
  loadMetadataServices,
  quietLog,
  type MetadataClient,
} from '@holdfast/rpc';
import { median, quantile, type Bench, type Report } from '@holdfast/tooling';
import { etcdKv } from './etcd-api.ts';
import { EtcdCluster, type EtcdMember } from './etcd-cluster.ts';
import { GroupView } from './group-view.ts';
import { holdfastServers } from './holdfast-servers.ts';

/** The lower end of the election timeout, on both sides by default. */
const electionMs = 1_000;
const kills = Number(process.env['KILLS'] ?? 30);
const callLimitMs = 60_000;
const etcdAttemptLimitMs = 500;
const clock = new RealClock();
const timers = new RealTimers();
const random = new RealRandom();
const parts = { clock, timers, random, log: quietLog, metrics: null };

/** Settings are few: a hundred names take turns, and each keeps the number of its last acknowledged write. */
class Writes {
  readonly #client: MetadataClient;
  readonly #acknowledged = new Map<string, number>();
  #count = 0;

  constructor(client: MetadataClient) {
    this.#client = client;
  }

  async write(): Promise<void> {
    const { settingsService } = await loadMetadataServices();
    const number = ++this.#count;
    const name = `failover-${number % 100}`;
    await this.#client.change(settingsService, 'set', { name, value: String(number) }, { timeoutMs: callLimitMs });
    this.#acknowledged.set(name, number);
  }

  /** Each name was written by one caller at a time, so it has the last value that was acknowledged. */
  async lost(): Promise<number> {
    const { settingsService } = await loadMetadataServices();
    const { settings } = await this.#client.ask(
      settingsService,
      'list',
      { isLocal: false },
      { timeoutMs: callLimitMs },
    );
    return [...this.#acknowledged].filter(([name, number]) => settings[name] !== String(number)).length;
  }
}

async function measureOurs(report: Report, cluster: ProcessCluster, keeper: CertificateKeeper): Promise<void> {
  const group = await holdfastServers(cluster);
  const view = await GroupView.open(group.members, { ...parts, keeper });
  try {
    const writes = new Writes(await group.client());
    const gapsMs: number[] = [];
    for (let at = 0; at < kills; at++) {
      const leader = group.member(await view.whole());
      // The client has its connections.
      await writes.write();
      leader.process?.signal('SIGKILL');
      const fromMs = clock.monotonicMs();
      await writes.write();
      gapsMs.push(clock.monotonicMs() - fromMs);
      await leader.process?.ended;
      await group.start(leader);
    }
    report.figure('failover-median', median(gapsMs) / electionMs, 'E', { atMost: 1.6 });
    report.figure('failover-worst', Math.max(...gapsMs) / electionMs, 'E', { atMost: 3 });
    report.figure('failover-p90', quantile(gapsMs, 0.9) / electionMs, 'E');
    report.figure('failover-lost-writes', await writes.lost(), 'writes', { atMost: 0 });
  } finally {
    view.close();
    await group.close();
  }
}

/** Whoever of the survivors acknowledges first. */
async function putAnywhere(members: readonly EtcdMember[]): Promise<void> {
  const done = new AbortController();
  const key = Buffer.from('failover');
  const lane = async ({ channel }: EtcdMember): Promise<void> => {
    while (!done.signal.aborted) {
      try {
        await channel.calls(etcdKv).put({ key, value: key }, { timeoutMs: etcdAttemptLimitMs });
        return;
      } catch (error) {
        if (!isOpError(error)) throw error;
      }
      await sleep(timers, 5);
    }
  };
  await Promise.race(members.map(lane));
  done.abort();
}

async function measureEtcd(report: Report, cluster: ProcessCluster, keeper: CertificateKeeper): Promise<void> {
  const etcd = await EtcdCluster.start(cluster, { ...parts, keeper });
  try {
    const gapsMs: number[] = [];
    for (let at = 0; at < kills; at++) {
      const leader = await etcd.leader();
      const others = etcd.members.filter((member) => member !== leader);
      for (const member of etcd.members) await putAnywhere([member]);
      const { process } = leader;
      invariant(process !== null, 'who leads runs');
      process.signal('SIGKILL');
      const fromMs = clock.monotonicMs();
      await putAnywhere(others);
      gapsMs.push(clock.monotonicMs() - fromMs);
      await process.ended;
      etcd.launch(leader);
      await leader.process?.ready();
    }
    report.figure('failover-etcd-median', median(gapsMs) / electionMs, 'E');
    report.figure('failover-etcd-worst', Math.max(...gapsMs) / electionMs, 'E');
  } finally {
    await etcd.close();
  }
}

async function run(report: Report): Promise<void> {
  const cluster = await ProcessCluster.create();
  const store = new FileCertificateStore(certificateFilesIn(await cluster.issue('admin', 'bench')));
  const keeper = await CertificateKeeper.open({ ...parts, store });
  try {
    await measureOurs(report, cluster, keeper);
    await measureEtcd(report, cluster, keeper);
  } finally {
    await keeper.stop();
    await cluster.close();
  }
}

export default { name: 'metadata-failover', run } satisfies Bench;
