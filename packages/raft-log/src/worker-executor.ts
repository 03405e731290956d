// The main thread's end of the log's worker (worker.ts): hands over one job at a time and learns of its end without blocking.
//
// Waking a thread that sleeps costs a third of a quick fdatasync. So while a batch is on its way to a disk that has just been
// quick, this end looks for the answer in every turn of the event loop, which goes on with everything else meanwhile. It
// sleeps when the disk is slow, when nothing is written, when other processes want the core, and where it is told to.
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { afterTurn, invariant, type Clock } from '@holdfast/base';
import type { Executor, JobOutcome } from './executor.ts';
import type { Job } from './job.ts';
import {
  number,
  requestKinds,
  sharedBytes,
  statuses,
  word,
  type BufferMessage,
  type FailureMessage,
  type WorkerSetup,
} from './worker-protocol.ts';

export interface WorkerExecutorOptions {
  readonly clock: Clock;
  /** Whether either end looks out for the other's word before it sleeps. */
  readonly looksOut: boolean;
}

/** A batch is looked out for no longer, and not at all when the one before took longer. */
const lookoutMs = 0.25;
/** Between two looks; if it was longer, another process had the core. */
const turnMs = 1;
/** How long the core is left to the others then. */
const retreatMs = 50;

/** For what the thread's calls leave behind; without a limit it keeps tens of MiB of them before it looks. */
const workerHeapMib = 4;

export class WorkerExecutor implements Executor {
  readonly #shared = new SharedArrayBuffer(sharedBytes);
  readonly #words = new Int32Array(this.#shared);
  readonly #numbers = new Float64Array(this.#shared);
  readonly #clock: Clock;
  readonly #looksOut: boolean;
  readonly #port: MessagePort;
  readonly #worker: Worker;
  readonly #buffers = new Map<ArrayBufferLike, number>();
  readonly #ended: Promise<void>;
  #request = 0;
  #hasEnded = false;
  #hasFailed = false;
  #done: ((outcome: JobOutcome) => void) | null = null;
  /** What the last batch took. */
  #batchMs = Infinity;
  #retreatUntilMs = 0;
  /** While the answer is looked out for: since when, and when the last look was. */
  #lookoutSinceMs = 0;
  #lookedAtMs = 0;

  constructor({ clock, looksOut }: WorkerExecutorOptions) {
    this.#clock = clock;
    this.#looksOut = looksOut;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.unref();
    const workerData: WorkerSetup = { words: this.#shared, port: port2, looksOut };
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData,
      transferList: [port2],
      resourceLimits: { maxYoungGenerationSizeMb: workerHeapMib },
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.once('error', (error: Error) => this.#end(error));
      this.#worker.once('exit', () => {
        this.#end(new Error("the log's thread has ended"));
        resolve();
      });
    });
  }

  submit(job: Job, done: (outcome: JobOutcome) => void): void {
    invariant(this.#done === null, 'one job runs at a time');
    this.#done = done;
    if (this.#hasEnded) {
      queueMicrotask(() => this.#finish({ isOk: false, error: new Error("the log's thread has ended") }));
      return;
    }
    if (job.kind === 'write' && job.bytes.buffer instanceof SharedArrayBuffer) {
      this.#putWrite(job.bytes, job.bytes.buffer, job.position);
    } else {
      this.#port.postMessage(job);
      Atomics.store(this.#words, word.kind, requestKinds.message);
    }
    this.#request++;
    Atomics.store(this.#words, word.request, this.#request);
    Atomics.notify(this.#words, word.request);
    if (this.#looksOut && job.kind === 'write' && this.#batchMs < lookoutMs) this.#lookOut();
    else this.#sleep();
  }

  async stop(): Promise<void> {
    if (!this.#hasEnded && !this.#hasFailed) {
      await new Promise<void>((resolve) => this.submit({ kind: 'end' }, () => resolve()));
    }
    await this.#ended;
    this.#port.close();
  }

  #putWrite(bytes: Uint8Array, buffer: SharedArrayBuffer, position: number): void {
    Atomics.store(this.#words, word.kind, requestKinds.write);
    Atomics.store(this.#words, word.buffer, this.#idOf(buffer));
    Atomics.store(this.#words, word.offset, bytes.byteOffset);
    Atomics.store(this.#words, word.length, bytes.length);
    this.#numbers[number.position] = position;
  }

  #idOf(buffer: SharedArrayBuffer): number {
    const known = this.#buffers.get(buffer);
    if (known !== undefined) return known;
    const message: BufferMessage = { kind: 'buffer', id: this.#buffers.size + 1, buffer };
    this.#buffers.set(buffer, message.id);
    this.#port.postMessage(message);
    return message.id;
  }

  #lookOut(): void {
    this.#lookoutSinceMs = this.#clock.monotonicMs();
    if (this.#lookoutSinceMs < this.#retreatUntilMs) return this.#sleep();
    this.#lookedAtMs = Infinity;
    afterTurn(this.#look);
  }

  readonly #look = (): void => {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lookedAtMs > turnMs) this.#retreatUntilMs = nowMs + retreatMs;
    this.#lookedAtMs = nowMs;
    if (Atomics.load(this.#words, word.answer) === this.#request) this.#answered();
    else if (nowMs - this.#lookoutSinceMs > lookoutMs) this.#sleep();
    else afterTurn(this.#look);
  };

  #sleep(): void {
    const waiting = Atomics.waitAsync(this.#words, word.answer, this.#request - 1);
    if (waiting.async) void waiting.value.then(() => this.#answered());
    else queueMicrotask(() => this.#answered());
  }

  #answered(): void {
    if (this.#done === null) return;
    const status = Atomics.load(this.#words, word.status);
    if (status === statuses.failed) {
      this.#hasFailed = true;
      this.#finish({ isOk: false, error: new Error(this.#failure()) });
      return;
    }
    const writeMs = this.#numbers[number.writeMs] ?? 0;
    const syncMs = this.#numbers[number.syncMs] ?? 0;
    if (Atomics.load(this.#words, word.kind) === requestKinds.write) this.#batchMs = writeMs + syncMs;
    this.#finish({ isOk: true, result: { writeMs, syncMs, isDiskFull: status === statuses.diskFull } });
  }

  #failure(): string {
    const received = receiveMessageOnPort(this.#port) as { message: FailureMessage } | undefined;
    return received?.message.message ?? "the log's thread did not say why it failed";
  }

  /** What the thread answered before it ended may not have been seen yet. */
  #end(error: Error): void {
    this.#hasEnded = true;
    if (Atomics.load(this.#words, word.answer) === this.#request) this.#answered();
    this.#finish({ isOk: false, error });
  }

  #finish(outcome: JobOutcome): void {
    const done = this.#done;
    this.#done = null;
    done?.(outcome);
  }
}
