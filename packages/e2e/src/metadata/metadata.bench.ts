// The metadata servers beside etcd, three members each as processes on one disk, in one run: mutual TLS to clients and between members on
// both sides, both called by our own gRPC client, both at their leader, with their own defaults. Rounds alternate, so that whatever
// else the machine does slows both; a ratio is the median over rounds that stood beside each other.
//
// A put is the smallest command of ours that carries 256 bytes: a setting is given its value, with the audit's line and the watchers'
// change that belong to it, and the answer that is kept for a repetition. A read is one volume with 256 bytes of attributes, by id. A volume
// that is made is compared with a put, which is all that etcd has for it.
import { RealClock, RealRandom, RealTimers, sleep } from '@holdfast/base';
import { ProcessCluster } from '@holdfast/holdfast/internal';
import { certificateFilesIn, CertificateKeeper, FileCertificateStore, quietLog } from '@holdfast/rpc';
import { median, quantile, type Bar, type Bench, type Report } from '@holdfast/tooling';
import { etcdContender, holdfastContender, type Contender } from './contender.ts';
import { EtcdCluster } from './etcd-cluster.ts';
import { measureRound, type Round } from './lanes.ts';
import { holdfastServers } from './holdfast-servers.ts';

const timers = new RealTimers();
const roundMs = 1_000;
/** One pair of rounds differs from the next by a third on a busy machine; the median of so many by a twentieth. */
const rounds = 15;
/**
 * Servers run for months; what their first calls cost is not measured. Code is compiled when it has run often, so it is calls that count
 * and not seconds: one at a time they take forty of those.
 */
const warmCalls = 25_000;
/** Between rounds: what one side still does behind its answers is not the other's. */
const restMs = 100;

interface Comparison {
  readonly name: string;
  readonly operation: 'put' | 'read' | 'create';
  readonly inFlight: number;
  readonly ratioAtLeast?: number;
  readonly perSecondAtLeast?: number;
}
const comparisons: readonly Comparison[] = [
  { name: 'put-1', operation: 'put', inFlight: 1, ratioAtLeast: 1 },
  { name: 'put-64', operation: 'put', inFlight: 64, ratioAtLeast: 3 },
  { name: 'put-256', operation: 'put', inFlight: 256, ratioAtLeast: 5 },
  { name: 'read-1', operation: 'read', inFlight: 1, ratioAtLeast: 1 },
  { name: 'read-64', operation: 'read', inFlight: 64, ratioAtLeast: 2 },
  { name: 'create-volume-1', operation: 'create', inFlight: 1 },
  { name: 'create-volume-64', operation: 'create', inFlight: 64, perSecondAtLeast: 2_000 },
  { name: 'create-volume-256', operation: 'create', inFlight: 256 },
];

const barOf = (atLeast?: number): Bar | undefined => (atLeast === undefined ? undefined : { atLeast });

interface Sides {
  readonly ours: Contender;
  readonly theirs: Contender;
}

async function compare(report: Report, { ours, theirs }: Sides, comparison: Comparison): Promise<void> {
  const { name, operation, inFlight, ratioAtLeast, perSecondAtLeast } = comparison;
  const measure = async (side: Contender): Promise<Round> => {
    const round = await measureRound(side[operation], inFlight, roundMs);
    await sleep(timers, restMs);
    return round;
  };
  for (const side of [ours, theirs]) await warmUp(side[operation], inFlight);
  const pairs: { readonly ours: Round; readonly theirs: Round }[] = [];
  for (let at = 0; at < rounds; at++) {
    const early = at % 2 === 0 ? await measure(ours) : null;
    const beside = await measure(theirs);
    pairs.push({ ours: early ?? (await measure(ours)), theirs: beside });
  }
  const ratio = median(pairs.map((pair) => pair.ours.perSecond / pair.theirs.perSecond));
  report.figure(`${name}-ratio`, ratio, 'x etcd', barOf(ratioAtLeast));
  for (const side of ['ours', 'theirs'] as const) {
    const suffix = side === 'ours' ? 'holdfast' : 'etcd';
    const rate = median(pairs.map((pair) => pair[side].perSecond));
    const callsMs = pairs.flatMap((pair) => pair[side].callsMs);
    report.figure(`${name}-${suffix}`, rate, 'calls/s', side === 'ours' ? barOf(perSecondAtLeast) : undefined);
    report.figure(`${name}-${suffix}-p99`, quantile(callsMs, 0.99), 'ms');
  }
}

async function warmUp(call: () => Promise<unknown>, inFlight: number): Promise<void> {
  for (let done = 0; done < warmCalls;) done += (await measureRound(call, inFlight, roundMs)).callsMs.length;
}

async function run(report: Report): Promise<void> {
  const cluster = await ProcessCluster.create();
  const store = new FileCertificateStore(certificateFilesIn(await cluster.issue('csi', 'bench')));
  const parts = { clock: new RealClock(), timers, random: new RealRandom(), log: quietLog, metrics: null };
  const keeper = await CertificateKeeper.open({ ...parts, store });
  const group = await holdfastServers(cluster);
  const etcd = await EtcdCluster.start(cluster, { ...parts, keeper });
  try {
    const ours = await holdfastContender(await group.client());
    const theirs = await etcdContender((await etcd.leader()).channel);
    for (const comparison of comparisons) await compare(report, { ours, theirs }, comparison);
  } finally {
    await etcd.close();
    await group.close('SIGTERM');
    await keeper.stop();
    await cluster.close();
  }
}

export default { name: 'metadata', run } satisfies Bench;
