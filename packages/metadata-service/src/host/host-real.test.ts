// Hosts as they run in production: real files with the log's own thread, real sockets on loopback with certificates of the
// cluster's authority, the machine's clock.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import {
  invariant,
  isOpError,
  RealClock,
  RealRandom,
  RealTimers,
  RealTransport,
  sleep,
  type TlsOptionsProvider,
} from '@holdfast/base';
import { votersOnly, type MemberId, type ProposalId } from '@holdfast/raft';
import { TestCluster } from '@holdfast/rpc/internal';
import type { CertificateKeeper } from '@holdfast/rpc';
import { group, member, smallLog, smallSettings, TextMachine } from './host-testing.ts';
import type { HostOptions } from './host-options.ts';
import { initialise } from './initialise.ts';
import { ReplicaHost } from './replica-host.ts';

const clock = new RealClock();
const timers = new RealTimers();
const members = [1, 2, 3].map(member);
const addresses = new Map<MemberId, string>();
let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-host-'));
});
afterEach(() => {
  rmSync(root, { recursive: true });
  addresses.clear();
  tls.clear();
});

interface Running {
  readonly host: ReplicaHost;
  readonly state: TextMachine;
}

/** What each member shows; plain TCP before it is set. */
const tls = new Map<MemberId, TlsOptionsProvider>();

/** The member's own certificate, by which both ends of its connections prove that they are of the cluster. */
function tlsOf(keeper: CertificateKeeper): TlsOptionsProvider {
  return {
    server: () => ({ ...keeper.current.contextOptions, requestCert: true, rejectUnauthorized: true }),
    client: () => keeper.current.contextOptions,
    onServerChange: (callback) => keeper.onChange(callback),
  };
}

function optionsOf(self: MemberId, stateMachine: TextMachine): HostOptions {
  return {
    directory: join(root, `member-${self}`),
    cluster: 'test',
    self,
    address: '127.0.0.1:0',
    addressOf: (peer) => addresses.get(peer) ?? null,
    groups: [{ group, stateMachine }],
    settings: { ...smallSettings, tickMs: 20, snapshotLogBytes: 8_192, snapshotPartBytes: 4_096 },
    logLimits: { ...smallLog, blockBytes: 4096, chunkBytes: 1024 * 1024, prepareBytes: 1024 * 1024 },
    clock,
    timers,
    random: new RealRandom(),
    transport: new RealTransport({ tls: tls.get(self) ?? null }),
  };
}

async function start(self: MemberId): Promise<Running> {
  const state = new TextMachine();
  const host = await ReplicaHost.open(optionsOf(self, state));
  addresses.set(self, host.address);
  return { host, state };
}

async function until(condition: () => boolean): Promise<void> {
  const endMs = clock.monotonicMs() + 20_000;
  while (!condition()) {
    invariant(clock.monotonicMs() < endMs, `it came to pass: ${condition.toString()}`);
    await sleep(timers, 5);
  }
}

const leads = ({ host }: Running): boolean => host.replica(group).status.role === 'leader';

test('three members with certificates commit, lose their leader, go on, and take it back', async () => {
  const certificates = await TestCluster.create();
  for (const self of members) tls.set(self, tlsOf(await certificates.keeperFor('metadata')));
  try {
    await loseAndTakeBackLeader();
  } finally {
    await certificates.close();
  }
});

async function loseAndTakeBackLeader(): Promise<void> {
  for (const self of members) {
    const founding = { group, founders: votersOnly(members) };
    await initialise({ ...optionsOf(self, new TextMachine()), groups: [founding] });
  }
  const running = new Map<MemberId, Running>();
  for (const self of members) running.set(self, await start(self));
  const all = (): Running[] => [...running.values()];
  let sequence = 0;
  /** By its id it takes effect once, also when a busy machine has its leader fall and it is asked again. */
  const proposeOne = async (id: ProposalId, data: Uint8Array): Promise<void> => {
    for (let isDone = false; !isDone;) {
      await until(() => all().some(leads));
      const leader = all().find(leads);
      try {
        await leader?.host.replica(group).propose(id, data);
        isDone = leader !== undefined;
      } catch (error) {
        if (!isOpError(error) || !error.retriable) throw error;
        await sleep(timers, 5);
      }
    }
  };
  const propose = async (count: number): Promise<void> => {
    const proposals = Array.from({ length: count }, async () => {
      const id = { session: 1, sequence: ++sequence };
      return proposeOne(id, new TextEncoder().encode(`command ${id.sequence} ${'x'.repeat(100)}`));
    });
    await Promise.all(proposals);
  };
  try {
    await propose(100);
    const old = all().find(leads);
    invariant(old !== undefined, 'somebody leads');
    const [self] = [...running].find(([, each]) => each === old) ?? [];
    invariant(self !== undefined, 'who leads is known');
    await old.host.stop();
    running.delete(self);
    for (let count = 0; count < 4; count++) await propose(50);
    running.set(self, await start(self));
    await until(() => all().every(({ state }) => state.texts.length === 300));
    const [first, ...others] = all().map(({ state }) => state.texts);
    for (const texts of others) expect(texts).toEqual(first);
    await until(() => all().every(({ host }) => host.replica(group).status.snapshotIndex > 0));
  } finally {
    for (const { host } of all()) await host.stop();
  }
}

test('a member that is stopped is found as it was, and its log is free for the next start', async () => {
  const [self] = members;
  invariant(self !== undefined, 'there is a first member');
  await initialise({ ...optionsOf(self, new TextMachine()), groups: [{ group, founders: votersOnly([self]) }] });
  for (let life = 1; life <= 3; life++) {
    const { host, state } = await start(self);
    await until(() => leads({ host, state }));
    const answer = await host.replica(group).propose({ session: 1, sequence: life }, Buffer.from(`life ${life}`));
    expect(Buffer.from(answer).toString()).toBe(String(life));
    await expect(ReplicaHost.open(optionsOf(self, new TextMachine()))).rejects.toMatchObject({ code: 'FILE_LOCKED' });
    await host.stop();
    expect(await host.ended).toBeNull();
  }
});
