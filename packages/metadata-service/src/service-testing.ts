// A group of metadata servers as they run in production, for this package's tests: real files with the log's own thread, sockets on
// loopback, certificates of one authority. A member listens where it listened before when it starts again.
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from '@jest/globals';
import { invariant, isOpError, RealClock, RealRandom, RealTimers, sleep } from '@holdfast/base';
import { freeAddress } from '@holdfast/base/internal';
import {
  createMetadataClient,
  type CertificateKeeper,
  type MetadataClient,
  type Role,
  type RpcServer,
} from '@holdfast/rpc';
import { TestCluster } from '@holdfast/rpc/internal';
import { createMetrics, HealthChecks, type Metrics } from '@holdfast/telemetry';
import type { ApiLimits } from './api/api-limits.ts';
import { metadataApi } from './api/metadata-api.ts';
import type { HostSettings } from './host/host-options.ts';
import { Proposer } from './leader/proposer.ts';
import { initialiseFirst, initialiseJoined, type HomeOptions } from './member-home.ts';
import { Membership } from './membership.ts';
import { MetadataService } from './service.ts';
import { schemaSteps, type SchemaStep } from './state/schema.ts';

const clock = new RealClock();
const timers = new RealTimers();
const random = new RealRandom();

/** Several servers, on a machine that may do much else. */
const testLimitMs = 180_000;
/** Quick, and the process may stand still for long: what a leader does then is the host's tests' matter. */
const settings: Partial<HostSettings> = { tickMs: 20, pausedTicks: 1_000 };

export function groupTest(name: string, body: () => Promise<void>): void {
  test(name, body, testLimitMs);
}

/** Waits for what other processes' time brings: long enough for a machine that does much else. */
export async function until(condition: () => boolean | Promise<boolean>, limitMs = 60_000): Promise<void> {
  const endMs = clock.monotonicMs() + limitMs;
  while (!(await condition())) {
    invariant(clock.monotonicMs() < endMs, `it came to pass within ${limitMs} ms: ${condition.toString()}`);
    await sleep(timers, 5);
  }
}

/** For what is asked again until it works: a leader that changes is no failure of the test. */
export async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    (error: unknown) => {
      if (isOpError(error) && error.retriable) return false;
      throw error;
    },
  );
}

export interface TestMember {
  readonly name: string;
  readonly directory: string;
  /** As `holdfast pki issue` laid it out. */
  readonly certificates: string;
  readonly keeper: CertificateKeeper;
  readonly peerAddress: string;
  readonly apiAddress: string;
  readonly metrics: Metrics;
  /** Of the release that it starts as. */
  schema: readonly SchemaStep[];
  service: MetadataService | null;
  server: RpcServer | null;
}

export class TestGroup {
  readonly certificates: TestCluster;
  readonly members: TestMember[] = [];
  limits: Partial<ApiLimits> = {};
  readonly #clients: MetadataClient[] = [];
  readonly #root: string;

  private constructor(certificates: TestCluster) {
    this.certificates = certificates;
    this.#root = mkdtempSync(join(tmpdir(), 'holdfast-service-'));
  }

  /** One founder that runs. */
  static async create(): Promise<TestGroup> {
    const group = new TestGroup(await TestCluster.create());
    const first = await group.prepare('m1');
    await initialiseFirst(group.homeOf(first), first);
    await group.start(first);
    await until(() => first.service?.book.isFounded === true);
    return group;
  }

  /** Three members that vote. */
  static async ofThree(): Promise<TestGroup> {
    const group = await TestGroup.create();
    for (const name of ['m2', 'm3']) {
      const member = await group.join(name);
      await group.promote(member);
    }
    return group;
  }

  /** A place, a certificate and two free ports; no member yet. */
  async prepare(name: string, certificateName = name): Promise<TestMember> {
    const certificates = await this.certificates.issueTo(`metadata-${certificateName}`, 'metadata', {
      identity: { cluster: this.certificates.authority.cluster, role: 'metadata', name: certificateName, node: null },
    });
    const keeper = await this.certificates.keep(certificates);
    const member: TestMember = {
      ...{ name, directory: join(this.#root, name), certificates, keeper },
      peerAddress: await freeAddress(),
      apiAddress: await freeAddress(),
      metrics: await createMetrics(),
      schema: schemaSteps,
      service: null,
      server: null,
    };
    this.members.push(member);
    return member;
  }

  homeOf({ directory }: TestMember): HomeOptions {
    return { directory, cluster: this.certificates.authority.cluster, clock, timers, random };
  }

  async start(member: TestMember): Promise<MetadataService> {
    const { directory, keeper, peerAddress: peerListen, metrics, schema } = member;
    member.service = await MetadataService.open({
      ...{ directory, keeper, peerListen, metrics, schema, clock, timers, random, release: 'test' },
      readyLimitMs: 1_000,
      settings,
      checks: new HealthChecks(timers),
      log: this.certificates.log,
    });
    const services = await metadataApi({ service: member.service, limits: this.limits, clock, timers, random });
    member.server = await this.certificates.serve({ services, keeper, address: member.apiAddress });
    return member.service;
  }

  async stop(member: TestMember): Promise<void> {
    await member.server?.stop(1_000);
    await member.service?.stop();
    member.server = null;
    member.service = null;
  }

  /** Invited, admitted and started; it learns and does not vote. */
  async join(name: string): Promise<TestMember> {
    const member = await this.admit(name);
    await this.start(member);
    return member;
  }

  /** As `join`, and does not run. */
  async admit(name: string): Promise<TestMember> {
    const member = this.members.find((each) => each.name === name) ?? (await this.prepare(name));
    const { proposer, membership } = await this.atLeader();
    const { token } = await membership.invite(name, 'ada');
    const { member: number, ...first } = await membership.join({ ...member, token }, async (admission) =>
      proposer.propose<'admitMember'>({ kind: 'admitMember', ...admission, atMs: clock.wallMs() }),
    );
    await initialiseJoined(this.homeOf(member), number, first);
    return member;
  }

  async promote({ service }: TestMember): Promise<void> {
    invariant(service !== null, 'who is promoted runs');
    await until(async () => {
      const { membership } = await this.atLeader();
      return succeeds(membership.promote(service.self));
    });
  }

  async ready({ service }: TestMember): Promise<void> {
    await until(async () => service !== null && succeeds(service.checkReady()));
  }

  get leader(): MetadataService | null {
    return this.members.find(({ service }) => service?.isLeader === true)?.service ?? null;
  }

  async atLeader(): Promise<{ service: MetadataService; proposer: Proposer; membership: Membership }> {
    await until(() => this.leader !== null);
    const service = this.leader;
    invariant(service !== null, 'somebody leads');
    const { replica, machine, book } = service;
    const proposer = new Proposer({ replica, clock, random });
    return {
      service,
      proposer,
      membership: new Membership({ replica, machine, book, proposer, clock, random }),
    };
  }

  /** A client that knows these servers, or all. */
  async client(role: Role = 'admin', servers: readonly string[] | null = null): Promise<MetadataClient> {
    const client = await createMetadataClient({
      servers: servers ?? this.members.map(({ apiAddress }) => apiAddress),
      keeper: await this.certificates.keeperFor(role),
      ...{ log: this.certificates.log, metrics: null, clock, timers, random },
    });
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const member of this.members) await this.stop(member);
    await this.certificates.close();
    await rm(this.#root, { recursive: true });
  }
}
