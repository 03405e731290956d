// Who brings what waits in a database's write-ahead log into the database's file: a thread of its own, because both files are synced for
// it, and who writes a gigabyte of pages or waits for a disk must not be who answers. The thread opens the database for each
// checkpoint and closes it behind it, so that between two of them the file may be replaced.
//
// Its answers are taken from the port whether or not the event loop turns: who asks may have to wait right where it is.
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { invariant } from '@holdfast/base';
import type { WalFrames } from './database.ts';

export type CheckpointOutcome =
  | { readonly isOk: true; readonly frames: WalFrames }
  | { readonly isOk: false; readonly isDiskFull: boolean; readonly reason: string };

export interface Checkpointer {
  /** One checkpoint at a time. */
  begin(): void;
  /** What the one that was begun came to, told once; null while it is under way. */
  poll(): CheckpointOutcome | null;
  /** The same, when there is one: the thread that calls waits for it. */
  wait(): CheckpointOutcome;
  /** Nothing is under way. */
  close(): void;
}

export interface CheckpointWorkerSetup {
  readonly path: string;
  readonly port: MessagePort;
  /** One word, which counts answers. */
  readonly answers: SharedArrayBuffer;
}

/** A disk that does not answer for so long has failed, and so has a thread. */
const waitLimitMs = 120_000;
/** For what the calls of the thread leave behind. */
const workerHeapMib = 4;

export class CheckpointThread implements Checkpointer {
  readonly #path: string;
  readonly #answers = new Int32Array(new SharedArrayBuffer(4));
  #port: MessagePort | null = null;
  #worker: Worker | null = null;
  /** Why the thread is no more. */
  #end: Error | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  begin(): void {
    this.#port ??= this.#start();
    this.#port.postMessage(null);
  }

  poll(): CheckpointOutcome | null {
    invariant(this.#port !== null, 'a checkpoint was begun');
    const received = receiveMessageOnPort(this.#port) as { readonly message: CheckpointOutcome } | undefined;
    if (received !== undefined) return received.message;
    return this.#end === null ? null : { isOk: false, isDiskFull: false, reason: this.#end.message };
  }

  wait(): CheckpointOutcome {
    for (;;) {
      const answers = Atomics.load(this.#answers, 0);
      const outcome = this.poll();
      if (outcome !== null) return outcome;
      if (Atomics.wait(this.#answers, 0, answers, waitLimitMs) !== 'timed-out') continue;
      return { isOk: false, isDiskFull: false, reason: `a checkpoint has not ended after ${waitLimitMs} ms` };
    }
  }

  close(): void {
    this.#port?.close();
    this.#port = null;
    this.#worker = null;
  }

  /** With the first checkpoint: a state that is only looked into needs no thread. */
  #start(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    const workerData: CheckpointWorkerSetup = { path: this.#path, port: port2, answers: this.#answers.buffer };
    this.#worker = new Worker(new URL('./checkpoint-worker.ts', import.meta.url), {
      workerData,
      transferList: [port2],
      resourceLimits: { maxYoungGenerationSizeMb: workerHeapMib },
    });
    this.#worker.once('error', (error: Error) => (this.#end ??= error));
    this.#worker.once('exit', () => (this.#end ??= new Error("the checkpoints' thread has ended")));
    // A process that is done is not kept for it; a checkpoint that it interrupts is made again from the write-ahead log.
    this.#worker.unref();
    return port1;
  }
}
