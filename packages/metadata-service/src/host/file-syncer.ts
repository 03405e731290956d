// Brings what was written to a file to its disk while the thread that wrote it does something else: a snapshot is synced part by part, and
// each sync takes longer than everything else of its part. The thread opens the file anew, and whoever wrote it syncs it once more at its
// end, by its own descriptor, which is told of every failure since it was opened.
import { Worker } from 'node:worker_threads';
import { invariant, OpError, type OpenFile } from '@holdfast/base';

export interface FileSyncer {
  /** Everything that was written to it is durable when this resolves. */
  sync(file: OpenFile): Promise<void>;
  /** What is under way is carried out. */
  close(): void;
}

/** For other files than the operating system's: there is no thread that could wait for them. */
export const inlineSyncer: FileSyncer = {
  sync: async (file) => file.fdatasync(),
  close: () => undefined,
};

/** In the order of the requests. */
export interface SyncOutcome {
  /** Null if it was synced. */
  readonly errno: string | null;
}

interface Waiting {
  readonly path: string;
  readonly resolve: (nothing: undefined) => void;
  readonly reject: (error: Error) => void;
}

/** For what the thread's calls leave behind. */
const workerHeapMib = 4;

export class SyncThread implements FileSyncer {
  /** One for each group that takes a snapshot at this time. */
  readonly #waiting: Waiting[] = [];
  #worker: Worker | null = null;
  #isClosed = false;

  async sync({ path }: OpenFile): Promise<void> {
    if (this.#isClosed) throw new OpError('CANCELLED', { reason: 'the member ends' });
    this.#worker ??= this.#start();
    this.#worker.ref();
    this.#worker.postMessage(path);
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.#waiting.push({ path, resolve, reject });
    return promise;
  }

  close(): void {
    this.#isClosed = true;
    this.#worker?.postMessage(null);
  }

  /** With the first snapshot. */
  #start(): Worker {
    const worker = new Worker(new URL('./sync-worker.ts', import.meta.url), {
      resourceLimits: { maxYoungGenerationSizeMb: workerHeapMib },
    });
    worker.on('message', ({ errno }: SyncOutcome) => {
      const waiting = this.#waiting.shift();
      invariant(waiting !== undefined, 'each sync is answered once');
      // A process goes on for what it waits for, and for nothing else of this.
      if (this.#waiting.length === 0) worker.unref();
      if (errno === null) waiting.resolve(undefined);
      else waiting.reject(new OpError('IO_ERROR', { operation: 'fdatasync', path: waiting.path, errno }));
    });
    worker.once('error', (error: Error) => this.#end(worker, error));
    worker.once('exit', () => this.#end(worker, new Error('the thread that syncs snapshots has ended')));
    return worker;
  }

  /** The next sync has a thread of its own again; the end of a thread may be told behind that one's beginning. */
  #end(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
