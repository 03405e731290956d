// The server's process of rpc.bench.ts: bare grpc-js or Holdfast's own server, over mutual TLS and over a unix socket, with the same
// method, messages and certificates. It logs and counts as a role does. It says on its IPC channel where it listens, and ends with
// its parent.
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Server as GrpcServer, ServerCredentials, type UntypedHandleCall } from '@grpc/grpc-js';
import { invariant, RealClock, RealRandom, RealTimers } from '@holdfast/base';
import { createLog, createMetrics, type LogSink } from '@holdfast/telemetry';
import { statusService } from './generated/metadata-services.ts';
import type { StatusRequest, StatusResponse } from './generated/metadata-types.ts';
import { CertificateKeeper } from './pki/certificate-keeper.ts';
import { certificateFilesIn, FileCertificateStore } from './pki/certificate-store.ts';
import type { CallContext } from './server/handlers.ts';
import { serve } from './server/handlers.ts';
import { startServer } from './server/server.ts';
import { statusHandlers } from './services/status.ts';

export interface BenchAddresses {
  readonly tls: string;
  readonly local: string;
}

const [kind, directory] = process.argv.slice(2);
invariant(directory !== undefined && process.send !== undefined, 'rpc.bench.ts starts this program');

const clock = new RealClock();
const timers = new RealTimers();
const random = new RealRandom();
const { get } = statusService.methods;
const handlers = statusHandlers({
  version: '0.1.0',
  cluster: 'bench',
  node: 'node-a',
  clock,
  health: () => ({ state: 'SERVING', reason: '' }),
  peers: () => [],
});
const localPath = join(directory, `${String(kind)}.sock`);

async function startBare(keeper: CertificateKeeper): Promise<BenchAddresses> {
  const server = new GrpcServer({ 'grpc.enable_channelz': 0 });
  const handle: UntypedHandleCall = (
    call: { request: StatusRequest },
    callback: (e: null, r: StatusResponse) => void,
  ) => {
    const context = { caller: { kind: 'local' } } as unknown as CallContext;
    void handlers.get?.(call.request, context).then((response) => callback(null, response));
  };
  const serialize = (response: StatusResponse): Buffer => Buffer.from(get.encodeResponse(response));
  server.register(get.path, handle, serialize, get.decodeRequest, 'unary');
  const { key, cert, ca } = keeper.current.contextOptions;
  const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) };
  const credentials = ServerCredentials.createSsl(Buffer.from(ca.join('')), [pair], true);
  const bind = async (address: string, using: ServerCredentials): Promise<number> =>
    new Promise((resolve, reject) => {
      server.bindAsync(address, using, (error, port) => (error === null ? resolve(port) : reject(error)));
    });
  const port = await bind('127.0.0.1:0', credentials);
  await bind(`unix:${localPath}`, ServerCredentials.createInsecure());
  return { tls: `127.0.0.1:${port}`, local: `unix:${localPath}` };
}

/** Gets the lines out of the process as a role's does, many at a time. */
class NullSink implements LogSink {
  readonly #file = openSync('/dev/null', 'w');
  #lines = '';
  write(line: string): void {
    this.#lines += line;
    if (this.#lines.length < 65_536) return;
    writeSync(this.#file, this.#lines);
    this.#lines = '';
  }
}

async function startHoldfast(keeper: CertificateKeeper): Promise<BenchAddresses> {
  const log = await createLog({ role: 'bench', node: 'node-a', level: 'info', clock, sink: new NullSink() });
  const parts = {
    services: [serve(statusService, handlers)],
    log,
    metrics: await createMetrics(),
    clock,
    timers,
    random,
  };
  const tls = await startServer({ ...parts, address: '127.0.0.1:0', keeper });
  const local = await startServer({ ...parts, address: `unix:${localPath}`, keeper: null });
  return { tls: tls.address, local: local.address };
}

const log = await createLog({ role: 'bench', node: null, level: 'error', clock, sink: process.stderr });
const store = new FileCertificateStore(certificateFilesIn(join(directory, 'metadata')));
const keeper = await CertificateKeeper.open({ store, clock, timers, random, log, metrics: null });
process.send(await (kind === 'bare' ? startBare(keeper) : startHoldfast(keeper)));
process.on('disconnect', () => process.exit(0));
