// The kubelet's side of the registration, for tests: over real sockets it does what the kubelet's plugin manager does. It
// watches a folder, knows a plugin by its path, forgets it when the file goes or another takes its place, and only then asks
// again; registering means to ask the plugin who it is, to call NodeGetInfo at the endpoint that it names, and to say how it went.
import { watch, type FSWatcher } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { invariant, RealClock, RealRandom, RealTimers, sleep, systemErrorCode, toOpError } from '@holdfast/base';
import {
  createChannel,
  loadCsiServices,
  loadPluginregistrationServices,
  type Channel,
  type csi,
  type pluginregistration,
} from '@holdfast/rpc';
import type { Log } from '@holdfast/telemetry';

export interface KubeletWatcherOptions {
  readonly directory: string;
  readonly log: Log;
  /** Why the registration is refused; null: it is not. */
  readonly refuse?: (info: pluginregistration.PluginInfo) => string | null;
}

/** What CSINode would say of the driver. */
export interface RegisteredDriver {
  readonly info: pluginregistration.PluginInfo;
  readonly node: csi.NodeGetInfoResponse;
}

const timeoutMs = 1_000;

export class KubeletWatcher {
  /** By the driver's name, as the kubelet keeps them: whoever unregisters a path takes its name away. */
  readonly drivers = new Map<string, RegisteredDriver>();
  /** What happened, in order: "registered NAME", "refused NAME", "unregistered NAME", "failed CODE". */
  readonly history: string[] = [];
  readonly #options: KubeletWatcherOptions;
  /** Path → the file that was registered there and the driver's name. */
  readonly #known = new Map<string, { readonly file: string; readonly name: string }>();
  readonly #watcher: FSWatcher;
  #work: Promise<void> = Promise.resolve();

  constructor(options: KubeletWatcherOptions) {
    this.#options = options;
    this.#watcher = watch(options.directory, () => this.#reconcileNext());
    this.#reconcileNext();
  }

  async stop(): Promise<void> {
    this.#watcher.close();
    await this.#work;
  }

  #reconcileNext(): void {
    this.#work = this.#work.then(async () => this.#reconcile());
  }

  async #reconcile(): Promise<void> {
    const names = await readdir(this.#options.directory).catch(ifAbsent([]));
    const sockets = new Map<string, string>();
    for (const name of names.filter((candidate) => !candidate.startsWith('.'))) {
      const path = join(this.#options.directory, name);
      const stats = await lstat(path, { bigint: true }).catch(ifAbsent(null));
      if (stats?.isSocket() === true) sockets.set(path, `${stats.ino}:${stats.birthtimeNs}`);
    }
    for (const [path, { file, name }] of this.#known) {
      if (sockets.get(path) === file) continue;
      this.#known.delete(path);
      if (this.drivers.delete(name)) this.history.push(`unregistered ${name}`);
    }
    for (const [path, file] of sockets) if (!this.#known.has(path)) await this.#register(path, file);
  }

  async #register(path: string, file: string): Promise<void> {
    const channel = await this.#connect(path);
    try {
      const { registrationService } = await loadPluginregistrationServices();
      const registration = channel.calls(registrationService);
      const info = await registration.getInfo({}, { timeoutMs });
      this.#known.set(path, { file, name: info.name });
      const refusal = this.#options.refuse?.(info) ?? null;
      if (refusal === null) this.drivers.set(info.name, { info, node: await this.#askNode(info.endpoint) });
      this.history.push(`${refusal === null ? 'registered' : 'refused'} ${info.name}`);
      const status = { pluginRegistered: refusal === null, error: refusal ?? '' };
      await registration.notifyRegistrationStatus(status, { timeoutMs });
    } catch (error) {
      this.history.push(`failed ${toOpError(error).code}`);
    } finally {
      channel.close();
    }
  }

  async #askNode(endpoint: string): Promise<csi.NodeGetInfoResponse> {
    const { nodeService } = await loadCsiServices();
    const channel = await this.#connect(endpoint);
    try {
      return await channel.calls(nodeService).nodeGetInfo({}, { timeoutMs });
    } finally {
      channel.close();
    }
  }

  async #connect(path: string): Promise<Channel> {
    const parts = { clock: new RealClock(), random: new RealRandom(), log: this.#options.log, metrics: null };
    return createChannel({ ...parts, address: `unix:${path}`, keeper: null });
  }
}

const clock = new RealClock();
const timers = new RealTimers();

/** Waits for what another event will bring; a test that waits in vain says so instead of hanging. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = clock.monotonicMs() + timeoutMs * 5;
  while (!(await condition())) {
    invariant(clock.monotonicMs() < endMs, `it came to pass in time: ${condition.toString()}`);
    await sleep(timers, 2);
  }
}

/** What a look at a file says when the file went before it. */
export function ifAbsent<Value>(absent: Value): (error: unknown) => Value {
  return (error) => {
    if (systemErrorCode(error) === 'ENOENT') return absent;
    throw error;
  };
}
