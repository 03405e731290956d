// What runs in a pod: it writes blocks that say who wrote them, reads them back, and flushes, as long as its device answers. One
// request for each block at a time, as a file system would do it.
import type { Random } from '@holdfast/base';
import { extentBlocks, type Tag, type Writer } from '../block.ts';
import type { GrantMode } from '../metadata/state.ts';
import type { StorageNode } from '../node/storage-node.ts';
import type { IoResult } from '../ports.ts';

export interface PodOptions {
  readonly volume: string;
  readonly tenant: string;
  readonly extents: number;
  readonly mode: GrantMode;
  readonly host: StorageNode;
  readonly random: Random;
  readonly nextSequence: () => number;
  readonly after: (delayMs: number, callback: () => void) => void;
  /** Between two requests, on average. */
  readonly thinkMs: number;
}

const workers = 3;

export class Pod {
  readonly #options: PodOptions;
  readonly #boot: number;
  readonly #busy = new Set<number>();
  #isEnding = false;
  #running = workers;
  /** The device gave an error that nothing mends. */
  hasFailed = false;

  constructor(options: PodOptions) {
    this.#options = options;
    this.#boot = options.host.boot;
    for (let worker = 0; worker < workers; worker++) void this.#work();
  }

  get host(): StorageNode {
    return this.#options.host;
  }
  /** All of its requests are answered, or its machine is not the one any more. */
  get hasEnded(): boolean {
    return this.#running === 0 || !this.#isOnItsMachine;
  }
  get #isOnItsMachine(): boolean {
    return this.host.isUp && this.host.boot === this.#boot;
  }

  end(): void {
    this.#isEnding = true;
  }

  async #work(): Promise<void> {
    while (!this.#isEnding && this.#isOnItsMachine && !this.hasFailed) {
      const result = await this.#one();
      if (result.error === 'torn-down' || result.error === 'no-device') this.hasFailed = true;
      await this.#think();
    }
    this.#running--;
  }

  #think(): Promise<void> {
    const { random, thinkMs, after } = this.#options;
    return new Promise((resolve) => after(1 + random.fraction() * 2 * thinkMs, resolve));
  }

  async #one(): Promise<IoResult> {
    const { random, extents, volume, host, mode } = this.#options;
    const dice = random.below(100);
    if (dice < 15 && mode !== 'read') return host.io(volume, { kind: 'flush' });
    const block = random.below(extents * extentBlocks);
    if (this.#busy.has(block)) return { error: null, data: null };
    this.#busy.add(block);
    const isRead = mode === 'read' || dice < 50;
    const result = await (isRead
      ? host.io(volume, { kind: 'read', block })
      : host.io(volume, { kind: 'pending-write', block, tagFor: (writer) => this.#tag(block, writer) }));
    this.#busy.delete(block);
    return result;
  }

  #tag(block: number, { generation, epoch }: Writer): Tag {
    const { tenant, volume, nextSequence } = this.#options;
    return { tenant, volume, block, generation, epoch, sequence: nextSequence() };
  }
}
