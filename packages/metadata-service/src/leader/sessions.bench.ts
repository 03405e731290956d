// What keeping sessions costs the leader: a thousand agents with twenty grants each, every one on a connection of its own over mutual TLS,
// renew every two seconds. The agents are another process, so this one's processor time is the server's: TLS, gRPC, the confirmation of
// leadership, the state. The group has one member; each other one adds a heartbeat to a confirmation, which a whole batch shares.
//
// A renewal runs a few hundred functions five hundred times a second: V8 compiles the last of them about a minute after the first
// renewal, on threads of its own, and until then runs slower code. So the bar is for what a server costs that has run for a minute, and
// the figure of its first seconds stands beside it.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { invariant, RealClock, RealRandom, RealTimers, sleep } from '@holdfast/base';
import { TestCluster } from '@holdfast/rpc/internal';
import { createMetrics, HealthChecks } from '@holdfast/telemetry';
import type { Bench, Report } from '@holdfast/tooling';
import { metadataApi } from '../api/metadata-api.ts';
import { initialiseFirst } from '../member-home.ts';
import { MetadataService } from '../service.ts';
import { poolCommand, volumeCommand } from '../state/state-testing.ts';
import type { AgentsOrder, AgentsWord } from './sessions-bench-agents.ts';

const agents = 1_000;
const grants = 20;
const renewMs = 2_000;
const connectMs = 6_000;
const measuredMs = 20_000;
const warmUpMs = 60_000;
const inFlight = 512;
const clock = new RealClock();
const timers = new RealTimers();
const random = new RealRandom();

const nodeOf = (at: number): string => `node-${at}`;
const volumeOf = (at: number): string => `volume-${at}`;

async function issueCertificates(certificates: TestCluster): Promise<void> {
  const { cluster } = certificates.authority;
  for (let at = 0; at < agents; at++) {
    const node = nodeOf(at);
    await certificates.issueTo(`agent-${node}`, 'agent', { identity: { cluster, role: 'agent', name: node, node } });
  }
}

async function each(count: number, work: (at: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += inFlight) {
    const some = Array.from({ length: Math.min(inFlight, count - from) }, async (_, at) => work(from + at));
    await Promise.all(some);
  }
}

async function word(child: ChildProcess): Promise<AgentsWord> {
  const [said] = (await once(child, 'message')) as [AgentsWord];
  return said;
}

async function giveGrants({ sessions }: MetadataService): Promise<void> {
  await sessions.carryOut<'createPool'>(poolCommand('pool'));
  await each(agents * grants, async (at) => sessions.carryOut<'createVolume'>(volumeCommand(volumeOf(at))));
  await each(agents * grants, async (at) => {
    const node = nodeOf(at % agents);
    await sessions.carryOut<'publish'>({ kind: 'publish', volume: volumeOf(at), node, mode: 'write' });
  });
}

async function measure(report: Report, service: MetadataService, child: ChildProcess): Promise<void> {
  const ready = await word(child);
  invariant(ready.kind === 'ready', 'the agents are registered');
  await giveGrants(service);
  const sinceMs = clock.monotonicMs();
  child.send('renew');
  await sleep(timers, connectMs);
  const { applied } = service.machine;
  report.figure('renewals-at-first', await shareOfCore(), '% of a core');
  await sleep(timers, warmUpMs - connectMs - measuredMs);
  report.figure('renewals-of-1000-agents', await shareOfCore(), '% of a core', { atMost: 10 });
  report.figure('log-entries-of-renewals', service.machine.applied - applied, 'entries', { atMost: 0 });
  child.send('stop');
  const answered = await word(child);
  invariant(answered.kind === 'answered', 'the agents tell how many were answered');
  const perSecond = (answered.renewals * 1_000) / (clock.monotonicMs() - sinceMs);
  report.figure('renewals-answered', perSecond, '/s', { atLeast: 0.9 * ((agents * 1_000) / renewMs) });
}

/** What this process takes of the processor from now on, all its threads. */
async function shareOfCore(): Promise<number> {
  const sinceMs = clock.monotonicMs();
  const before = process.cpuUsage();
  await sleep(timers, measuredMs);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 10 / (clock.monotonicMs() - sinceMs);
}

/** One member and its API, as the role puts them together. */
async function run(report: Report): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  const certificates = await TestCluster.create();
  const { authority, log } = certificates;
  const identity = { cluster: authority.cluster, role: 'metadata', name: 'm1', node: null } as const;
  const keeper = await certificates.keeperFor('metadata', { identity });
  const parts = { clock, timers, random };
  const place = { name: 'm1', peerAddress: '127.0.0.1:1', apiAddress: '127.0.0.1:1' };
  const home = join(directory, 'm1');
  await initialiseFirst({ directory: home, cluster: authority.cluster, ...parts }, place);
  const service = await MetadataService.open({
    ...{ directory: home, keeper, peerListen: '127.0.0.1:0', readyLimitMs: 1_000, release: 'bench', log, ...parts },
    ...{ checks: new HealthChecks(timers), metrics: await createMetrics() },
  });
  const server = await certificates.serve({ services: await metadataApi({ service, ...parts }), keeper });
  const folder = certificates.directory;
  const order: AgentsOrder = { address: server.address, directory: folder, agents, grants, renewMs };
  try {
    await issueCertificates(certificates);
    while (!service.sessions.status.isCounting) await sleep(timers, 50);
    const child = fork(join(import.meta.dirname, 'sessions-bench-agents.ts'), [JSON.stringify(order)]);
    try {
      await measure(report, service, child);
    } finally {
      child.kill();
    }
  } finally {
    await service.stop();
    await certificates.close();
    rmSync(directory, { recursive: true });
  }
}

export default { name: 'metadata-sessions', run } satisfies Bench;
