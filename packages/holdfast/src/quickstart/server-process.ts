// A metadata server as a process of its own, started by quickstart and ended with it. Relies on base's exec, which ends the
// whole process group and waits for it.
import { createServer, type AddressInfo } from 'node:net';
import { exec, invariant, OpError, toOpError, type ExecResult, type Timers } from '@holdfast/base';
import { exitCodes } from '@holdfast/cli';

/** Longer than anybody leaves a demonstration running. */
const lifeLimitMs = 30 * 86_400_000;

export interface ServerOptions {
  readonly name: string;
  readonly words: readonly string[];
  readonly timers: Timers;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export class ServerProcess {
  readonly #name: string;
  readonly #stop = new AbortController();
  readonly #ended: Promise<ExecResult | null>;

  constructor({ name, words, timers, environment }: ServerOptions) {
    this.#name = name;
    const program = process.argv[1];
    invariant(program !== undefined, 'a running program has a path');
    const cache = environment['NODE_COMPILE_CACHE'];
    this.#ended = exec([process.execPath, program, ...words], {
      timers,
      limitMs: lifeLimitMs,
      signal: this.#stop.signal,
      ...(cache === undefined ? {} : { env: { NODE_COMPILE_CACHE: cache } }),
    }).catch((error: unknown) => {
      if (this.#stop.signal.aborted) return null;
      throw error;
    });
    // Told by `ready` or by `stop`; until one of them asks, it must not count as unhandled.
    this.#ended.catch(() => undefined);
  }

  /** `probe`'s answer, or why the process ended before there was one. */
  async ready<Answer>(probe: Promise<Answer>): Promise<Answer> {
    const died = this.#ended.then((result) => {
      throw new OpError('COMMAND_FAILED', {
        command: `holdfast metadata (${this.#name})`,
        status: `exit code ${String(result?.exitCode ?? exitCodes.internal.code)}`,
        reason: result?.stderr.trim() ?? 'it was told to end',
      });
    });
    return Promise.race([probe, died]);
  }

  /** SIGTERM, and SIGKILL if that is not enough. */
  async stop(): Promise<void> {
    this.#stop.abort(new OpError('CANCELLED', { reason: 'the demonstration is over' }));
    await this.#ended.catch((error: unknown) => {
      throw toOpError(error);
    });
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  return port;
}
