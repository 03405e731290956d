// Has sealed chunks read again, one after another and for ever, at a bounded rate, and marks what was found in them as faulty: a
// replica repairs it from its peers before it is the last one that had it.
import { Worker } from 'node:worker_threads';
import { messageOf, type Files, type Timer, type Timers } from '@holdfast/base';
import type { Damage } from './chunk-scan.ts';
import type { Chunk } from './chunk.ts';
import type { LogCore } from './log-core.ts';
import { scrubChunk, type ScrubTask } from './scrub.ts';

/** Reads one chunk; an AbortSignal ends it early. */
export type ScrubRunner = (task: ScrubTask, signal: AbortSignal) => Promise<readonly Damage[]>;

export interface ScrubStat {
  readonly scrubbedChunks: number;
  readonly scrubbedBytes: number;
  /** Places that did not verify. */
  readonly scrubDamages: number;
  /** Why a chunk could not be read at all, the last time that happened. */
  readonly scrubFailure: string | null;
}

export interface ScrubberParts {
  readonly core: LogCore;
  readonly timers: Timers;
  readonly runner: ScrubRunner;
  readonly bytesPerSecond: number;
  /** Of a whole chunk: as long as reading it may take, the disk is left alone before the next. */
  readonly chunkBytes: number;
}

export const scrubBytesPerSecondDefault = 4 * 1024 * 1024;

export class Scrubber {
  readonly #parts: ScrubberParts;
  readonly #ending = new AbortController();
  #timer: Timer | null = null;
  #lastSequence = 0;
  #stat: ScrubStat = { scrubbedChunks: 0, scrubbedBytes: 0, scrubDamages: 0, scrubFailure: null };

  constructor(parts: ScrubberParts) {
    this.#parts = parts;
    this.#schedule();
  }

  get stat(): ScrubStat {
    return this.#stat;
  }

  stop(): void {
    this.#ending.abort();
    this.#timer?.cancel();
  }

  /** The chunk after the last one, from the oldest again behind the newest; resolves when it is read. */
  async scrubNext(): Promise<void> {
    const chunk = this.#next();
    if (chunk === null) return;
    const { path, header } = chunk;
    this.#lastSequence = header.sequence;
    const { runner, bytesPerSecond } = this.#parts;
    try {
      this.#note(chunk, await runner({ path, header, bytesPerSecond }, this.#ending.signal));
    } catch (error) {
      this.#stat = { ...this.#stat, scrubFailure: `${path}: ${messageOf(error)}` };
    }
  }

  #schedule(): void {
    if (this.#ending.signal.aborted) return;
    const { chunkBytes, bytesPerSecond, timers } = this.#parts;
    this.#timer = timers.after((chunkBytes / bytesPerSecond) * 1000, () => {
      void this.scrubNext().then(() => this.#schedule());
    });
  }

  #next(): Chunk | null {
    const sealed = this.#parts.core.chunks.filter((chunk) => chunk.isSealed);
    return sealed.find(({ header }) => header.sequence > this.#lastSequence) ?? sealed[0] ?? null;
  }

  #note(chunk: Chunk, damages: readonly Damage[]): void {
    const { core } = this.#parts;
    // Purged and perhaps recycled while it was read.
    if (!core.chunks.includes(chunk)) return;
    this.#stat = {
      ...this.#stat,
      scrubbedChunks: this.#stat.scrubbedChunks + 1,
      scrubbedBytes: this.#stat.scrubbedBytes + chunk.header.chunkBytes,
      scrubDamages: this.#stat.scrubDamages + damages.length,
    };
    for (const { position, lengthBytes } of damages) {
      for (const group of core.groups.values()) {
        for (const index of group.index.within(chunk, position, position + lengthBytes)) group.faulty.add(index, index);
      }
    }
  }
}

/** For the records of one batch after another, beside the chunk itself. */
const workerHeapMib = 4;

export const scrubInThread: ScrubRunner = (task, signal) => {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./scrub-worker.ts', import.meta.url), {
      workerData: task,
      resourceLimits: { maxYoungGenerationSizeMb: workerHeapMib },
    });
    const end = (): void => void worker.terminate();
    signal.addEventListener('abort', end);
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => {
      signal.removeEventListener('abort', end);
      reject(new Error('the scrubbing thread ended'));
    });
  });
};

export function scrubInline(files: Files): ScrubRunner {
  return async (task) => scrubChunk(files, task, () => undefined);
}
