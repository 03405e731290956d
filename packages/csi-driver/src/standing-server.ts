// A server on a unix socket that stays reachable: whoever takes its file away (a person, a clean-up, a kubelet that wipes its
// folders) gets another one. The folder's events tell at once; a look now and then bounds how long it takes where events are
// lost, or where the machine has none left to give. What stands in the way is told by `check` until it is gone.
import { watch, type FSWatcher } from 'node:fs';
import { access, constants, rm, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import {
  backoffDelayMs,
  isOpError,
  messageOf,
  OpError,
  pause,
  retry,
  systemErrorCode,
  toOpError,
  type Clock,
  type Random,
  type Timers,
} from '@holdfast/base';
import { createServer, type RpcServer, type ServedService } from '@holdfast/rpc';
import type { Log, Metrics } from '@holdfast/telemetry';

export interface StandingServerOptions {
  /** Where the socket is, as this process sees it. */
  readonly path: string;
  readonly services: readonly ServedService[];
  readonly log: Log;
  readonly metrics: Metrics | null;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** How often the file is looked at without an event. */
  readonly lookIntervalMs?: number;
  /** Told before another file is made in the place of the one that was; whoever watches the folder may come in at once. */
  readonly onReplace?: () => void;
  /** Told once, when nothing in this process can bring the socket back. */
  readonly onLost?: (error: OpError) => void;
}

const lookIntervalMsDefault = 5_000;
const replaceBackoff = { baseMs: 100, ceilingMs: 5_000 };
/** A predecessor that drains holds the socket: it is waited for this often, about 15 s in all, longer than a drain lasts. */
const predecessorAttemptsLimit = 25;
const predecessorBackoff = { baseMs: 100, ceilingMs: 1_000 };
/** How long calls over a socket that was replaced may go on. */
const replacedDrainMs = 10_000;

export class StandingServer {
  readonly #options: StandingServerOptions;
  readonly #stopped = new AbortController();
  /** Servers that were replaced, while their last calls end. */
  readonly #leaving = new Set<Promise<void>>();
  #server: RpcServer;
  #watcher: FSWatcher | null = null;
  #problem: OpError | null = null;
  #isRenewalDue = false;
  /** Ends the pause before the next look. */
  #pause = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  private constructor(options: StandingServerOptions, server: RpcServer) {
    this.#options = options;
    this.#server = server;
  }

  /** Serves when the promise resolves. */
  static async start(options: StandingServerOptions): Promise<StandingServer> {
    const { log, timers, random, path } = options;
    const server = await retry(async () => listen(options), {
      ...{ timers, random, backoff: predecessorBackoff, attemptsLimit: predecessorAttemptsLimit },
      isRetriable: ({ code }) => code === 'LISTEN_ADDRESS_IN_USE',
      onRetry: ({ attempt }) => {
        if (attempt === 1) log.info('waiting for the process that serves the socket', { path });
      },
    });
    const standing = new StandingServer(options, server);
    standing.#watch();
    standing.#loop = standing.#keep();
    return standing;
  }

  /** Throws why nobody can come in; the readiness of a role. */
  check(): void {
    if (this.#problem !== null) throw this.#problem;
  }

  /** Puts another file in the place of this one, so that whoever watches the folder sees the socket appear again. */
  renew(): void {
    this.#isRenewalDue = true;
    this.#pause.abort();
  }

  async stop(limitMs: number): Promise<void> {
    this.#stopped.abort();
    this.#pause.abort();
    await this.#loop;
    this.#watcher?.close();
    await Promise.all([this.#server.stop(limitMs), ...this.#leaving]);
  }

  async #keep(): Promise<void> {
    const { lookIntervalMs = lookIntervalMsDefault, timers, random } = this.#options;
    let failures = 0;
    while (!this.#stopped.signal.aborted) {
      // Made before the look: what happens during it ends the pause that follows.
      this.#pause = new AbortController();
      failures = (await this.#restore()) ? 0 : failures + 1;
      const delayMs = failures === 0 ? lookIntervalMs : backoffDelayMs(replaceBackoff, failures, random);
      await pause(timers, delayMs, this.#pause.signal);
    }
  }

  /** Whether the socket stands, by itself or again. */
  async #restore(): Promise<boolean> {
    const { path, log, onReplace } = this.#options;
    try {
      const isInPlace = await this.#server.isInPlace();
      if (isInPlace && !this.#isRenewalDue) {
        // Also after a problem: a folder that was moved away brings the file back with it.
        this.#problem = null;
        return true;
      }
      if (isInPlace) await rm(path);
      else if (this.#problem === null) log.warn('socket vanished', { path });
      // Done with the file that is gone. Whoever finds the next one may ask for yet another before it is known here.
      this.#isRenewalDue = false;
      onReplace?.();
      const server = await listen(this.#options);
      this.#leave(this.#server);
      this.#server = server;
      this.#problem = null;
      this.#watch();
      log.info('socket made again', { path });
      return true;
    } catch (error) {
      this.#fail(toOpError(error));
      return false;
    }
  }

  #fail(error: OpError): void {
    const { path, log, onLost } = this.#options;
    if (this.#problem?.code !== error.code) {
      log.warn('socket not made again', { path, error });
      if (error.code === 'SOCKET_FOLDER_LOST') onLost?.(error);
    }
    this.#problem = error;
  }

  #leave(server: RpcServer): void {
    const { log, path } = this.#options;
    const left = server.stop(replacedDrainMs).catch((error: unknown) => {
      log.warn('replaced socket not closed', { path, error: toOpError(error) });
    });
    this.#leaving.add(left);
    void left.then(() => this.#leaving.delete(left));
  }

  /** Again after each replacement: the folder may be another one of the same name. */
  #watch(): void {
    const { path } = this.#options;
    this.#watcher?.close();
    try {
      this.#watcher = watch(dirname(path), (_event, name) => {
        // While the socket cannot be made, attempts are made by time alone: an attempt leaves events of its own.
        if ((name === null || name === basename(path)) && this.#problem === null) this.#pause.abort();
      });
      this.#watcher.on('error', (error) => this.#unwatched(error));
    } catch (error) {
      this.#unwatched(error);
    }
  }

  /** inotify has a limit for the whole machine, and somebody else may have used it up. */
  #unwatched(error: unknown): void {
    const { path, log } = this.#options;
    this.#watcher = null;
    log.warn('folder not watched', { path, reason: systemErrorCode(error) ?? messageOf(error) });
  }
}

async function listen({ path, ...options }: StandingServerOptions): Promise<RpcServer> {
  try {
    return await createServer({ ...options, address: `unix:${path}`, keeper: null });
  } catch (error) {
    if (!isOpError(error) || error.code !== 'LISTEN_ADDRESS_UNUSABLE') throw error;
    throw (await folderProblem(dirname(path), error)) ?? error;
  }
}

/** What is wrong with the folder of a socket, of which the system's own word (ENOENT, EACCES) tells little; null: nothing is. */
async function folderProblem(path: string, cause: OpError): Promise<OpError | null> {
  const unusable = (reason: string): OpError => new OpError('SOCKET_FOLDER_UNUSABLE', { path, reason }, { cause });
  try {
    const stats = await stat(path);
    // A folder that a container has mounted stays visible there when it is removed, and takes no more files.
    if (stats.nlink === 0) return new OpError('SOCKET_FOLDER_LOST', { path }, { cause });
    if (!stats.isDirectory()) return unusable('it is no folder');
    await access(path, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return unusable(folderReasons[systemErrorCode(error) ?? ''] ?? messageOf(error));
  }
}

const folderReasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  ENOENT: 'it is not there',
  ENOTDIR: 'a part of its path is no folder',
  EROFS: 'it is read-only',
};
