// What a call costs with everything that Holdfast adds (judgement, deadline, request context, log line, metrics, limits) against bare
// grpc-js in the same run: the same method and messages, 64 calls in flight, over mutual TLS and over a unix socket. The servers
// are processes of their own, and the rounds of both sides alternate, so that a busy machine slows both.
import { fork, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client as GrpcClient, credentials, Metadata } from '@grpc/grpc-js';
import { RealClock, RealRandom, RealTimers } from '@holdfast/base';
import { createLog, createMetrics, type RootLog } from '@holdfast/telemetry';
import { median, type Bench, type Report } from '@holdfast/tooling';
import type { BenchAddresses } from './bench-server.ts';
import { openChannel } from './client/channel.ts';
import { statusService } from './generated/metadata-services.ts';
import { Authority } from './pki/authority.ts';
import { CertificateKeeper } from './pki/certificate-keeper.ts';
import { certificateFilesIn, FileCertificateStore, writeCertificateFiles } from './pki/certificate-store.ts';
import type { Role } from './pki/identity.ts';

const inFlight = 64;
const callsPerRound = 1_000;
const rounds = 31;
const warmupRounds = 6;
const timeoutMs = 10_000;
const ratioBar = { atLeast: 0.7 };

const clock = new RealClock();
const timers = new RealTimers();
const random = new RealRandom();
const { get } = statusService.methods;

/** One call, with everything on the client's side that its kind has. */
type Caller = () => Promise<unknown>;

async function run(report: Report): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
  const log = await createLog({
    role: 'bench',
    node: null,
    level: 'info',
    clock,
    sink: createWriteStream('/dev/null'),
  });
  const servers: ChildProcess[] = [];
  await issueAll(directory);
  const store = new FileCertificateStore(certificateFilesIn(join(directory, 'agent')));
  const keeper = await CertificateKeeper.open({ store, clock, timers, random, log, metrics: null });
  try {
    const bare = await startServer('bare', directory, servers);
    const holdfast = await startServer('holdfast', directory, servers);
    const ours = await ourCallers(holdfast, keeper, log);
    const theirs = bareCallers(bare, keeper);
    for (const transport of ['tls', 'local'] as const) {
      await compare(report, transport, { ours: ours[transport], theirs: theirs[transport] });
    }
    for (const close of [ours.close, theirs.close]) close();
  } finally {
    for (const server of servers) server.disconnect();
    await keeper.stop();
    await rm(directory, { recursive: true });
  }
}

async function compare(report: Report, transport: string, callers: { ours: Caller; theirs: Caller }): Promise<void> {
  const figures = { ours: [] as number[], theirs: [] as number[], ratios: [] as number[] };
  for (let round = -warmupRounds; round < rounds; round += 1) {
    // Each goes first in every other round: the second one collects some of the first one's garbage.
    const early = round % 2 === 0 ? await measureRound(callers.ours) : null;
    const theirs = await measureRound(callers.theirs);
    const ours = early ?? (await measureRound(callers.ours));
    if (round < 0) continue;
    figures.theirs.push(theirs);
    figures.ours.push(ours);
    figures.ratios.push(ours / theirs);
  }
  report.figure(`rpc-unary-${transport}`, Math.round(median(figures.ours)), 'calls/s');
  report.figure(`rpc-unary-${transport}-bare`, Math.round(median(figures.theirs)), 'calls/s');
  // Of neighbours: what else the machine does changes slowly, and then cancels out.
  report.figure(`rpc-unary-${transport}-ratio`, median(figures.ratios), 'of bare', ratioBar);
}

async function measureRound(call: Caller): Promise<number> {
  let left = callsPerRound;
  const startMs = clock.monotonicMs();
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await call();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return callsPerRound / ((clock.monotonicMs() - startMs) / 1000);
}

async function ourCallers(at: BenchAddresses, keeper: CertificateKeeper, log: RootLog): Promise<CallerPair> {
  const parts = { log, metrics: await createMetrics(), clock, random };
  const tls = openChannel({ ...parts, address: at.tls, keeper });
  const local = openChannel({ ...parts, address: at.local, keeper: null });
  const [overTls, locally] = [tls.calls(statusService), local.calls(statusService)];
  return {
    tls: async () => overTls.get({}, { timeoutMs }),
    local: async () => locally.get({}, { timeoutMs }),
    close: () => {
      tls.close();
      local.close();
    },
  };
}

interface CallerPair {
  readonly tls: Caller;
  readonly local: Caller;
  readonly close: () => void;
}

function bareCallers(at: BenchAddresses, keeper: CertificateKeeper): CallerPair {
  const { key, cert, ca } = keeper.current.contextOptions;
  const [keyPem, certPem, caPem] = [key, cert, ca.join('')].map((pem) => Buffer.from(pem));
  const options = { 'grpc.enable_channelz': 0, 'grpc.ssl_target_name_override': 'localhost' };
  const tls = new GrpcClient(at.tls, credentials.createSsl(caPem, keyPem, certPem), options);
  const local = new GrpcClient(at.local, credentials.createInsecure(), options);
  const callerOf = (client: GrpcClient): Caller => {
    const serialize = (): Buffer => Buffer.from(get.encodeRequest({}));
    return async () =>
      new Promise((resolve, reject) => {
        const deadline = clock.wallMs() + timeoutMs;
        client.makeUnaryRequest(
          get.path,
          serialize,
          get.decodeResponse,
          {},
          new Metadata(),
          { deadline },
          (error, answer) => {
            if (error === null) resolve(answer);
            else reject(error);
          },
        );
      });
  };
  return {
    tls: callerOf(tls),
    local: callerOf(local),
    close: () => {
      tls.close();
      local.close();
    },
  };
}

async function startServer(kind: string, directory: string, servers: ChildProcess[]): Promise<BenchAddresses> {
  const child = fork(join(import.meta.dirname, 'bench-server.ts'), [kind, directory]);
  servers.push(child);
  return new Promise((resolve, reject) => {
    child.once('message', (addresses) => resolve(addresses as BenchAddresses));
    child.once('exit', (code) => reject(new Error(`the ${kind} server ended with exit code ${String(code)}`)));
  });
}

async function issueAll(directory: string): Promise<void> {
  const cluster = random.uuid();
  const authority = await Authority.initialise({ directory: join(directory, 'authority'), clock, random, cluster });
  const hosts: Record<string, readonly string[]> = { metadata: ['127.0.0.1', 'localhost'], agent: [] };
  for (const role of ['metadata', 'agent'] satisfies Role[]) {
    const identity = { cluster, role, name: role, node: null } as const;
    const issued = await authority.issue({ identity, hosts: hosts[role] ?? [] });
    const identityPem = issued.keyPem + issued.certificatePem;
    const files = { identityPem, authoritiesPem: authority.certificatePem, revocations: null };
    await writeCertificateFiles(join(directory, role), files);
  }
}

export default { name: 'foundation', run } satisfies Bench;
