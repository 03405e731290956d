// Volumes created by several callers at once, until they are told to end; what was acknowledged is known by name.
import { RealClock } from '@holdfast/base';
import { loadMetadataServices, type ListVolumesRequest, type MetadataClient } from '@holdfast/rpc';
import { pool } from '../../metadata/pool.ts';

const clock = new RealClock();
const callers = 16;
const callLimitMs = 120_000;

export class VolumeLoad {
  /** Ids by names. */
  readonly acknowledged = new Map<string, string>();
  readonly #client: MetadataClient;
  readonly #running: Promise<void>;
  #isEnding = false;
  #started = 0;
  #lastMs = clock.monotonicMs();
  /** The longest time without an acknowledgement. */
  gapMs = 0;

  private constructor(client: MetadataClient) {
    this.#client = client;
    this.#running = Promise.all(Array.from({ length: callers }, async () => this.#call())).then(() => undefined);
  }

  static async begin(client: MetadataClient): Promise<VolumeLoad> {
    const { poolsService } = await loadMetadataServices();
    await client.change(poolsService, 'create', { pool }, { timeoutMs: callLimitMs });
    return new VolumeLoad(client);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#running;
  }

  /** Names by ids, of every volume that the leader knows. */
  async listed(): Promise<Map<string, string>> {
    const { volumesService } = await loadMetadataServices();
    const found = new Map<string, string>();
    let pageToken = '';
    do {
      const request: ListVolumesRequest = { pageSize: 1_000n, pageToken, isLocal: false, node: '' };
      const page = await this.#client.ask(volumesService, 'list', request, { timeoutMs: callLimitMs });
      for (const { id, name } of page.volumes) found.set(id, name);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    return found;
  }

  async #call(): Promise<void> {
    const { volumesService } = await loadMetadataServices();
    const rest = { tenant: '', pool: 'fast', extents: 4n, isShared: false, attributes: '' };
    while (!this.#isEnding) {
      const name = `volume-${++this.#started}`;
      const request = { name, ...rest };
      const { volume } = await this.#client.change(volumesService, 'create', request, { timeoutMs: callLimitMs });
      this.acknowledged.set(name, volume);
      const nowMs = clock.monotonicMs();
      this.gapMs = Math.max(this.gapMs, nowMs - this.#lastMs);
      this.#lastMs = nowMs;
    }
  }
}
