// The callers of a soak: settings as registers that several write and read at once, volumes that are made, found and deleted, and one
// watcher that goes on from its revision wherever it is answered. Everything goes through the client that everybody uses.
import { invariant, isOpError, OpError, RealTimers, sleep, type Random } from '@holdfast/base';
import { loadMetadataServices, type Channel, type MetadataClient } from '@holdfast/rpc';
import { pool } from '../../metadata/pool.ts';
import type { History } from './history.ts';
import { calls } from './judge.ts';

const timers = new RealTimers();
/** Of a read. */
const callLimitMs = 15_000;
/** What changes something is given up sooner or later, so that many of those have an outcome that nobody knows. */
const patienceLeastMs = 200;
const patienceMostMs = 6_000;
const setupLimitMs = 60_000;
const settings = 8;
/** Between two calls of a caller: a soak is about faults, and its history is judged as a whole. */
const restMs = 20;
const watchLimitMs = 10 * 60_000;
const watchRetryMs = 200;

type Services = Awaited<ReturnType<typeof loadMetadataServices>>;

export interface LoadParts {
  readonly clients: readonly MetadataClient[];
  readonly history: History;
  readonly random: Random;
}

export class Load {
  readonly #parts: LoadParts;
  readonly #services: Services;
  readonly #running: Promise<unknown>;
  #isEnding = false;
  #written = 0;
  #made = 0;

  private constructor(parts: LoadParts, services: Services) {
    this.#parts = parts;
    this.#services = services;
    this.#running = Promise.all(
      parts.clients.flatMap((client, at) => [
        this.#repeat(async () => this.#set(client, `w${at}`)),
        this.#repeat(async () => this.#list(client, `r${at}`)),
        this.#repeat(async () => this.#useVolume(client, `v${at}`)),
      ]),
    );
  }

  static async begin(parts: LoadParts): Promise<Load> {
    const services = await loadMetadataServices();
    const [client] = parts.clients;
    await client?.change(services.poolsService, 'create', { pool }, { timeoutMs: setupLimitMs });
    return new Load(parts, services);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#running;
  }

  async #repeat(work: () => Promise<void>): Promise<void> {
    while (!this.#isEnding) {
      await work();
      await sleep(timers, restMs);
    }
  }

  async #set(client: MetadataClient, caller: string): Promise<void> {
    const { history, random } = this.#parts;
    const asked = { name: `soak-${random.below(settings)}`, value: `${caller}-${++this.#written}` };
    await history.record({ client: caller, call: calls.set, arguments: asked }, async () => {
      await client.change(this.#services.settingsService, 'set', asked, this.#patience());
      return {};
    });
  }

  async #list(client: MetadataClient, caller: string): Promise<void> {
    await this.#parts.history.record({ client: caller, call: calls.list, arguments: {} }, async () => {
      const request = { isLocal: false };
      const found = await client.ask(this.#services.settingsService, 'list', request, { timeoutMs: callLimitMs });
      return found.settings;
    });
  }

  /** Made by one client, looked for by another, and every other one deleted. */
  async #useVolume(client: MetadataClient, caller: string): Promise<void> {
    const { history, random } = this.#parts;
    const { volumesService } = this.#services;
    const name = `volume-${++this.#made}`;
    const request = { name, tenant: '', pool: pool.name, extents: 4n, isShared: false, attributes: '' };
    const made = await history.record({ client: caller, call: calls.create, arguments: { name } }, async () => {
      const { volume: id } = await client.change(volumesService, 'create', request, this.#patience());
      return { id };
    });
    await this.#find(this.#anyClient(), caller, name);
    if (made === null || random.below(2) === 0) return;
    await history.record({ client: caller, call: calls.delete, arguments: { name, id: made.id } }, async () => {
      await client.change(volumesService, 'delete', { volume: made.id }, this.#patience());
      return {};
    });
    await this.#find(this.#anyClient(), caller, name);
  }

  #patience(): { readonly timeoutMs: number } {
    return { timeoutMs: patienceLeastMs + this.#parts.random.below(patienceMostMs - patienceLeastMs) };
  }

  #anyClient(): MetadataClient {
    const { clients, random } = this.#parts;
    const client = clients[random.below(clients.length)];
    invariant(client !== undefined, 'a load has clients');
    return client;
  }

  async #find(client: MetadataClient, caller: string, name: string): Promise<void> {
    await this.#parts.history.record({ client: caller, call: calls.get, arguments: { name } }, async () => {
      const by = { kind: 'name', value: name } as const;
      const options = { timeoutMs: callLimitMs };
      const { volume } = await client.ask(this.#services.volumesService, 'get', { by, isLocal: false }, options);
      return { id: volume?.id ?? null };
    });
  }
}

/** What the leader has when nobody calls any more. */
export async function finalState(
  [client]: readonly MetadataClient[],
  { volumesService }: Services,
): Promise<{ readonly volumes: ReadonlyMap<string, string>; readonly revision: bigint }> {
  invariant(client !== undefined, 'a load has clients');
  const volumes = new Map<string, string>();
  for (let pageToken = ''; ;) {
    const request = { pageSize: 1_000n, pageToken, isLocal: false, node: '' };
    const page = await client.ask(volumesService, 'list', request, { timeoutMs: setupLimitMs });
    for (const { id, name } of page.volumes) volumes.set(id, name);
    pageToken = page.nextPageToken;
    if (pageToken === '') return { volumes, revision: page.revision };
  }
}

/** Counts the changes of settings, each of which is told once, in the order of revisions. */
export class SettingWatch {
  readonly changes = new Map<string, number>();
  /** What was told out of its order; none if all is well. */
  readonly problems: string[] = [];
  readonly #channels: readonly Channel[];
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;
  #revision = 0n;

  constructor(channels: readonly Channel[], { changesService }: Services) {
    this.#channels = channels;
    this.#running = this.#run(changesService);
  }

  /** Whatever has been told by then. */
  async stop(): Promise<void> {
    this.#ending.abort(new OpError('CANCELLED', { reason: 'the soak is over' }));
    await this.#running;
  }

  /** When everything up to this revision has been told. */
  async end(revision: bigint): Promise<void> {
    while (this.#revision < revision) await sleep(timers, restMs);
    await this.stop();
  }

  async #run(service: Services['changesService']): Promise<void> {
    const { signal } = this.#ending;
    for (let at = 0; !signal.aborted; at++) {
      const channel = this.#channels[at % this.#channels.length];
      if (channel === undefined) return;
      try {
        const answers = channel.calls(service).watch({ after: this.#revision }, { timeoutMs: watchLimitMs, signal });
        for await (const { changes, revision } of answers) {
          for (const change of changes) this.#see(change);
          this.#revision = revision;
        }
      } catch (error) {
        if (!isOpError(error)) throw error;
        if (error.code === 'REVISION_COMPACTED') this.problems.push(error.message);
      }
      await sleep(timers, watchRetryMs);
    }
  }

  #see({
    kind,
    key,
    revision,
  }: {
    readonly kind: string | number;
    readonly key: string;
    readonly revision: bigint;
  }): void {
    if (revision <= this.#revision) this.problems.push(`a change of ${revision} was told behind ${this.#revision}`);
    if (kind === 'SETTING') this.changes.set(key, (this.changes.get(key) ?? 0) + 1);
  }
}
