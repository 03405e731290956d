// A cluster's certificates and ends of connections for tests, real ones: files in a directory of the test's own, keepers that
// read them, servers and channels on loopback and unix sockets. Everything that is opened here is closed by `close`.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { invariant, RealClock, RealRandom, RealTimers, sleep, type Clock } from '@holdfast/base';
import { createLog, type LogLevel, type RootLog } from '@holdfast/telemetry';
import { LineSink } from '@holdfast/telemetry/internal';
import { openChannel, type Channel, type ChannelOptions } from './client/channel.ts';
import { Authority, authorityFiles, type SigningTerms } from './pki/authority.ts';
import { CertificateKeeper } from './pki/certificate-keeper.ts';
import { certificateFilesIn, FileCertificateStore, writeCertificateFiles } from './pki/certificate-store.ts';
import { servingRoles, type Role } from './pki/identity.ts';
import { startServer, type RpcServer, type ServerOptions } from './server/server.ts';

export const testCluster = '0b5f6e1c-6d5c-4f0e-9a55-3a4c3f1d2e10';
export const otherCluster = '7c1de2a4-58c0-4a6b-8b3f-90e7c1d5a6b2';
export const loopbackHosts = ['127.0.0.1', 'localhost'];

const monotonic = new RealClock();
export const timers = new RealTimers();
export const random = new RealRandom();

/** The real clock, which a test may move. */
export class MovableClock extends RealClock {
  offsetMs = 0;
  override wallMs(): number {
    return super.wallMs() + this.offsetMs;
  }
}

/** Waits for what another event will bring; a test that waits in vain says so instead of hanging. */
export async function until(condition: () => boolean, limitMs = 5_000): Promise<void> {
  const endMs = monotonic.monotonicMs() + limitMs;
  while (!condition()) {
    invariant(monotonic.monotonicMs() < endMs, `it came to pass within ${limitMs} ms: ${condition.toString()}`);
    await sleep(timers, 2);
  }
}

type ServerSettings = Partial<ServerOptions> & Pick<ServerOptions, 'services'>;

export class TestCluster {
  readonly directory: string;
  readonly authority: Authority;
  readonly clock: MovableClock;
  readonly sink: LineSink;
  readonly log: RootLog;
  readonly #closers: (() => unknown)[] = [];
  #names = 0;

  private constructor(parts: {
    directory: string;
    authority: Authority;
    clock: MovableClock;
    sink: LineSink;
    log: RootLog;
  }) {
    this.directory = parts.directory;
    this.authority = parts.authority;
    this.clock = parts.clock;
    this.sink = parts.sink;
    this.log = parts.log;
  }

  static async create(options: { readonly cluster?: string; readonly level?: LogLevel } = {}): Promise<TestCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-rpc-'));
    const clock = new MovableClock();
    const sink = new LineSink();
    const log = await createLog({ role: 'test', node: null, level: options.level ?? 'info', clock, sink });
    const cluster = options.cluster ?? testCluster;
    const authority = await Authority.initialise({ directory: join(directory, 'authority'), clock, random, cluster });
    return new TestCluster({ directory, authority, clock, sink, log });
  }

  /** A directory with a fresh certificate, laid out as `holdfast pki issue` does it. */
  async issueTo(name: string, role: Role, terms: Partial<SigningTerms> = {}): Promise<string> {
    const directory = join(this.directory, name);
    const issued = await this.authority.issue({
      identity: { cluster: this.authority.cluster, role, name, node: null },
      hosts: servingRoles.has(role) ? loopbackHosts : [],
      ...terms,
    });
    await writeCertificateFiles(directory, {
      identityPem: issued.keyPem + issued.certificatePem,
      authoritiesPem: this.authority.certificatePem,
      revocations: null,
    });
    return directory;
  }

  /** A keeper over `directory` that reads the authority's own revocation list, so that a revocation reaches it at once. */
  async keep(directory: string, options: { readonly clock?: Clock } = {}): Promise<CertificateKeeper> {
    const revocations = join(this.directory, 'authority', authorityFiles.revocations);
    const store = new FileCertificateStore({ ...certificateFilesIn(directory), revocations });
    const clock = options.clock ?? this.clock;
    const keeper = await CertificateKeeper.open({ store, clock, timers, random, log: this.log, metrics: null });
    this.#closers.push(async () => keeper.stop());
    return keeper;
  }

  async keeperFor(role: Role, terms: Partial<SigningTerms> = {}): Promise<CertificateKeeper> {
    this.#names += 1;
    return this.keep(await this.issueTo(`${role}-${this.#names}`, role, terms));
  }

  /** A metadata server on a port of loopback, unless `options` says otherwise. */
  async serve(options: ServerSettings): Promise<RpcServer> {
    const isLocal = options.address?.startsWith('unix:') ?? false;
    const keeper = options.keeper ?? (isLocal ? null : await this.keeperFor('metadata'));
    const parts = { address: '127.0.0.1:0', log: this.log, metrics: null, clock: this.clock, timers, random };
    const server = await startServer({ ...parts, ...options, keeper });
    this.#closers.push(async () => server.stop(0));
    return server;
  }

  connect(address: string, keeper: CertificateKeeper | null, options: Partial<ChannelOptions> = {}): Channel {
    const channel = openChannel({
      address,
      keeper,
      log: this.log,
      metrics: null,
      clock: this.clock,
      random,
      ...options,
    });
    this.#closers.push(() => channel.close());
    return channel;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
    await rm(this.directory, { recursive: true });
  }
}
