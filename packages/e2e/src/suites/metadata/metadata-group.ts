// Metadata servers as a person runs them: directories and votes by the commands, processes by `holdfast metadata`. A server that starts
// again listens where it did.
import { join } from 'node:path';
import { invariant, RealClock, RealRandom, RealTimers, sleep } from '@holdfast/base';
import { freeAddress } from '@holdfast/base/internal';
import { runHoldfast, type Ended, type ProcessCluster, type RoleProcess } from '@holdfast/holdfast/internal';
import {
  certificateFilesIn,
  CertificateKeeper,
  createMetadataClient,
  FileCertificateStore,
  quietLog,
  type MetadataClient,
} from '@holdfast/rpc';

const clock = new RealClock();
const timers = new RealTimers();
const random = new RealRandom();
/** Far more than anything here takes, on a machine that does much else. */
const patienceMs = 240_000;

/** What `holdfast metadata status -o json` says of one server. */
export interface ServerStatus {
  readonly address: string;
  readonly name?: string;
  readonly role?: string;
  readonly health?: string;
  readonly reason?: string;
  readonly leader?: string | null;
  readonly applied?: number;
  readonly release?: string;
  readonly version?: number;
  readonly error?: { readonly code: string };
}

/** What a group asks of a server's process. */
export interface MemberProcess {
  ready(): Promise<unknown>;
  stop(signal: NodeJS.Signals): Promise<unknown>;
}

export interface Member<Process extends MemberProcess = RoleProcess> {
  readonly name: string;
  readonly data: string;
  readonly apiAddress: string;
  readonly peerAddress: string;
  process: Process | null;
}

/** Where members live: their addresses, their disks, their processes. */
export interface Site<Process extends MemberProcess> {
  /** A host of its own is named in the member's certificate, beside loopback. */
  place(name: string): Promise<{ readonly host: string | null } & Omit<Member, 'name' | 'process'>>;
  launch(name: string, words: readonly string[]): Process;
}

export class MetadataGroup<Process extends MemberProcess = RoleProcess> {
  readonly members: Member<Process>[] = [];
  readonly #cluster: ProcessCluster;
  readonly #admin: string;
  readonly #site: Site<Process>;
  readonly #closers: (() => unknown)[] = [];

  private constructor(cluster: ProcessCluster, admin: string, site: Site<Process>) {
    this.#cluster = cluster;
    this.#admin = admin;
    this.#site = site;
  }

  /** m1 founds, m2 and m3 join by tokens, all three vote. */
  static async ofThree(cluster: ProcessCluster): Promise<MetadataGroup>;
  static async ofThree<Process extends MemberProcess>(
    cluster: ProcessCluster,
    site: Site<Process>,
  ): Promise<MetadataGroup<Process>>;
  static async ofThree(
    cluster: ProcessCluster,
    site: Site<MemberProcess> = loopbackSite(cluster),
  ): Promise<MetadataGroup<MemberProcess>> {
    const group = new MetadataGroup(cluster, await cluster.issue('admin', 'ada'), site);
    try {
      await group.#found();
    } catch (error) {
      // Nobody else knows of those who run.
      await group.close();
      throw error;
    }
    return group;
  }

  async #found(): Promise<void> {
    const first = await this.prepare('m1');
    await this.#cluster.run(['metadata', 'init', ...this.homeWords(first)]);
    await this.start(first);
    for (const name of ['m2', 'm3']) await this.join(await this.prepare(name));
  }

  get servers(): readonly string[] {
    return this.members.map(({ apiAddress }) => apiAddress);
  }

  member(name: string | null | undefined): Member<Process> {
    const found = this.members.find((each) => each.name === name);
    invariant(found !== undefined, `${String(name)} is a member`);
    return found;
  }

  /** An identity and a place. */
  async prepare(name: string): Promise<Member<Process>> {
    const { host, ...place } = await this.#site.place(name);
    await this.#cluster.issue('metadata', name, host === null ? [] : ['--host', host]);
    const member: Member<Process> = { name, ...place, process: null };
    this.members.push(member);
    return member;
  }

  homeWords({ name, data, apiAddress, peerAddress }: Omit<Member, 'process'>): string[] {
    const addresses = ['--peer-address', peerAddress, '--api-address', apiAddress];
    return ['--certificates', this.#cluster.identity('metadata', name), '--data', data, ...addresses];
  }

  /** A member that is refused ends; see its `ended`. */
  launch(member: Member<Process>): Process {
    const { name, data, apiAddress, peerAddress } = member;
    const launched = this.#site.launch(name, ['--data', data, '--listen', apiAddress, '--peer-listen', peerAddress]);
    member.process = launched;
    return launched;
  }

  async start(member: Member<Process>): Promise<void> {
    await this.launch(member).ready();
  }

  async kill(member: Member<Process>): Promise<void> {
    await member.process?.stop('SIGKILL');
    member.process = null;
  }

  /** Invited, admitted, started, given a vote. */
  async join(member: Member<Process>): Promise<void> {
    const token = (await this.run(['add', member.name])).trim();
    const words = ['metadata', 'join', ...this.homeWords(member), '--server', this.servers.join(','), '--token', token];
    await this.#cluster.run([...words, '--timeout', '30s']);
    await this.start(member);
    await this.run(['promote', member.name, '--wait', '60s']);
  }

  /** `holdfast metadata …` by the administrator, to its end. */
  async tryRun(words: readonly string[], servers = this.servers): Promise<Ended> {
    return this.tryCommand(['metadata', ...words], servers);
  }

  /** The same of any command that asks the servers. */
  async tryCommand(words: readonly string[], servers = this.servers): Promise<Ended> {
    return runHoldfast([...words, '--certificates', this.#admin, '--server', servers.join(',')]);
  }

  /** With the identity of the server that asks, which stands among the words. */
  async tryJoin(words: readonly string[]): Promise<Ended> {
    return runHoldfast(['metadata', 'join', '--server', this.servers.join(','), ...words]);
  }

  /** The same of a command that has to succeed; answers what it printed. */
  async run(words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.tryRun([...words, '--timeout', '30s']);
    invariant(code === 0, `holdfast metadata ${words.join(' ')} ended with ${String(code)}: ${stderr}`);
    return stdout;
  }

  async status(): Promise<readonly ServerStatus[]> {
    const { stdout } = await this.tryRun(['status', '-o', 'json']);
    return (JSON.parse(stdout) as { readonly servers: readonly ServerStatus[] }).servers;
  }

  /** The member that leads, when those that answer agree on it. */
  async leader(): Promise<Member<Process>> {
    let found: string | null = null;
    await this.until('one leads and the others know it', async () => {
      const answers = (await this.status()).filter(({ error }) => error === undefined);
      const leaders = new Set(answers.map(({ leader }) => leader ?? null));
      found = leaders.size === 1 ? ([...leaders][0] ?? null) : null;
      return answers.some(({ role, name }) => role === 'leader' && name === found);
    });
    return this.member(found);
  }

  /** Every server has the same state. */
  async agree(): Promise<void> {
    await this.until('all have the same state at the same revision', async () => {
      // A load may have left so much that reading all of it takes a while.
      const { code, stdout } = await this.tryRun(['hash', '-o', 'json', '--timeout', '60s']);
      if (code !== 0) return false;
      const { servers } = JSON.parse(stdout) as { servers: { revision: number; hash: string }[] };
      return new Set(servers.map(({ revision, hash }) => `${revision} ${hash}`)).size === 1;
    });
  }

  async until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const endMs = clock.monotonicMs() + patienceMs;
    while (!(await condition())) {
      invariant(clock.monotonicMs() < endMs, `it came to pass: ${what}`);
      await sleep(timers, 50);
    }
  }

  async client(): Promise<MetadataClient> {
    const store = new FileCertificateStore(certificateFilesIn(this.#admin));
    const parts = { clock, timers, random, log: quietLog, metrics: null };
    const keeper = await CertificateKeeper.open({ ...parts, store });
    const client = await createMetadataClient({ ...parts, servers: this.servers, keeper, attemptLimitMs: 1_000 });
    this.#closers.push(async () => {
      client.close();
      await keeper.stop();
    });
    return client;
  }

  /** A process that is told by SIGTERM does what it does at its end: it writes a profile, if Node was told to keep one. */
  async close(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    for (const close of this.#closers) await close();
    await Promise.all(this.members.map(async ({ process }) => process?.stop(signal)));
  }
}

/** Free ports of loopback, folders of the cluster's own, output that is kept for a case that fails. */
export function loopbackSite(cluster: ProcessCluster): Site<RoleProcess> {
  return {
    place: async (name) => ({
      host: null,
      data: join(cluster.folder, `data-${name}`),
      apiAddress: await freeAddress(),
      peerAddress: await freeAddress(),
    }),
    launch: (name, words) => cluster.startMetadata(name, words),
  };
}
