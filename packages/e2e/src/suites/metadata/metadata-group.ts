// Metadata servers as a person runs them: directories and votes by the commands, processes by `holdfast metadata`. A server that starts
// again listens where it did.
import { createServer } from 'node:net';
import { join } from 'node:path';
import { invariant, listenOnPort, RealClock, RealRandom, RealTimers, sleep } from '@holdfast/base';
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
const patienceMs = 120_000;

/** What `holdfast metadata status -o json` says of one server. */
export interface ServerStatus {
  readonly address: string;
  readonly name?: string;
  readonly role?: string;
  readonly leader?: string | null;
  readonly applied?: number;
  readonly error?: { readonly code: string };
}

export interface Member {
  readonly name: string;
  readonly data: string;
  readonly apiAddress: string;
  readonly peerAddress: string;
  process: RoleProcess | null;
}

export class MetadataGroup {
  readonly members: Member[] = [];
  readonly #cluster: ProcessCluster;
  readonly #admin: string;
  readonly #closers: (() => unknown)[] = [];

  private constructor(cluster: ProcessCluster, admin: string) {
    this.#cluster = cluster;
    this.#admin = admin;
  }

  /** m1 founds, m2 and m3 join by tokens, all three vote. */
  static async ofThree(cluster: ProcessCluster): Promise<MetadataGroup> {
    const group = new MetadataGroup(cluster, await cluster.issue('admin', 'ada'));
    const first = await group.prepare('m1');
    await cluster.run(['metadata', 'init', ...group.homeWords(first)]);
    await group.start(first);
    for (const name of ['m2', 'm3']) await group.join(await group.prepare(name));
    return group;
  }

  get servers(): readonly string[] {
    return this.members.map(({ apiAddress }) => apiAddress);
  }

  member(name: string | null | undefined): Member {
    const found = this.members.find((each) => each.name === name);
    invariant(found !== undefined, `${String(name)} is a member`);
    return found;
  }

  /** An identity and two free ports. */
  async prepare(name: string): Promise<Member> {
    await this.#cluster.issue('metadata', name);
    const addresses = { apiAddress: await freeAddress(), peerAddress: await freeAddress() };
    const member: Member = { name, data: join(this.#cluster.folder, `data-${name}`), ...addresses, process: null };
    this.members.push(member);
    return member;
  }

  homeWords({ name, data, apiAddress, peerAddress }: Member): string[] {
    const addresses = ['--peer-address', peerAddress, '--api-address', apiAddress];
    return ['--certificates', this.#cluster.identity('metadata', name), '--data', data, ...addresses];
  }

  /** A member that is refused ends; see its `ended`. */
  launch(member: Member): RoleProcess {
    const { name, data, apiAddress, peerAddress } = member;
    member.process = this.#cluster.startMetadata(name, [
      ...['--data', data, '--listen', apiAddress, '--peer-listen', peerAddress],
    ]);
    return member.process;
  }

  async start(member: Member): Promise<void> {
    await this.launch(member).ready();
  }

  async kill(member: Member): Promise<void> {
    await member.process?.stop('SIGKILL');
    member.process = null;
  }

  /** Invited, admitted, started, given a vote. */
  async join(member: Member): Promise<void> {
    const token = (await this.run(['invite', member.name])).trim();
    const words = ['metadata', 'join', ...this.homeWords(member), '--server', this.servers.join(','), '--token', token];
    await this.#cluster.run([...words, '--timeout', '30s']);
    await this.start(member);
    await this.run(['promote', member.name, '--wait', '60s']);
  }

  /** `holdfast metadata …` by the administrator, to its end. */
  async tryRun(words: readonly string[], servers = this.servers): Promise<Ended> {
    const connection = ['--certificates', this.#admin, '--server', servers.join(',')];
    return runHoldfast(['metadata', ...words, ...connection]);
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
  async leader(): Promise<Member> {
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
      const { code, stdout } = await this.tryRun(['hash', '-o', 'json']);
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

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
  }
}

/** One that is free at this moment: members are told of each other's before they listen. */
async function freeAddress(): Promise<string> {
  const server = createServer();
  const address = await listenOnPort(server, { kind: 'tcp', host: '127.0.0.1', port: 0 });
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return address;
}
