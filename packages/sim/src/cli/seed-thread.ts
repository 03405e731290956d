// The caller's end of a thread that runs seeds. A run that does not come to an end, or takes the thread with it, is a finding
// like others; the next one gets a new thread.
import { Worker } from 'node:worker_threads';
import { invariant, type Timers } from '@holdfast/base';
import type { PlantedBug } from '../planted/planted-bug.ts';
import type { SeedAnswer, SeedJob, ThreadSetup } from './seed-job.ts';

/** Of real time; a run takes less than a second. */
export const runLimitMs = 120_000;
const heapMib = 1024;

export interface SeedThreadOptions {
  readonly timers: Timers;
  readonly bug: PlantedBug | null;
  readonly limitMs?: number;
}

export class SeedThread {
  readonly #options: SeedThreadOptions;
  #worker: Worker | null = null;
  #answer: (answer: SeedAnswer) => void = () => undefined;

  constructor(options: SeedThreadOptions) {
    this.#options = options;
  }

  /** One at a time. */
  async run(job: SeedJob): Promise<SeedAnswer> {
    const worker = (this.#worker ??= this.#start());
    const { promise, resolve } = Promise.withResolvers<SeedAnswer>();
    this.#answer = resolve;
    const lost = (text: string): void => {
      this.#worker = null;
      resolve({ result: resultOf(job, text), isPlanted: true });
    };
    const limitMs = this.#options.limitMs ?? runLimitMs;
    const late = this.#options.timers.after(limitMs, () => {
      lost(`the run did not end within ${limitMs / 1000} s`);
      void worker.terminate();
    });
    worker.once('error', (error: Error) => lost(error.stack ?? error.message));
    worker.postMessage(job);
    try {
      return await promise;
    } finally {
      late.cancel();
      worker.removeAllListeners('error');
    }
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = null;
  }

  #start(): Worker {
    const workerData: ThreadSetup = { bug: this.#options.bug };
    const resourceLimits = { maxOldGenerationSizeMb: heapMib };
    const worker = new Worker(new URL('./seed-thread-worker.ts', import.meta.url), { workerData, resourceLimits });
    worker.on('message', (answer: SeedAnswer) => this.#answer(answer));
    return worker;
  }
}

function resultOf({ seed }: SeedJob, text: string): SeedAnswer['result'] {
  const finding = { rule: 'standstill', text, atMs: 0 };
  return { seed, ok: false, finding, excuse: null, virtualMs: 0, steps: 0, digest: '' };
}

/** Does `work` to each item, with so many of them under way at a time. */
export async function inParallel<Item>(
  count: number,
  items: Iterable<Item>,
  work: (item: Item, lane: number) => Promise<void>,
): Promise<void> {
  invariant(count >= 1, 'nobody to work');
  const iterator = items[Symbol.iterator]();
  const lane = async (number: number): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) await work(next.value, number);
  };
  await Promise.all(Array.from({ length: count }, async (_, number) => lane(number)));
}
