// The thread that owns a log's files: it sleeps until a request comes, carries it out, answers, and sleeps again. While requests come
// one upon another it looks out for the next one for an instant before it sleeps, because waking a thread costs as much as a
// third of a quick fdatasync.
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { invariant, messageOf, RealClock, RealFiles } from '@holdfast/base';
import type { Job, JobResult } from './job.ts';
import { LogDisk } from './log-disk.ts';
import {
  number,
  requestKinds,
  statuses,
  word,
  type BufferMessage,
  type FailureMessage,
  type WorkerSetup,
} from './worker-protocol.ts';

/** The next request is looked out for no longer, and not at all when the last one took longer to come. */
const lookoutMs = 0.2;

const { words: shared, port, looksOut } = workerData as WorkerSetup;
const words = new Int32Array(shared);
const numbers = new Float64Array(shared);
const clock = new RealClock();
const disk = new LogDisk(new RealFiles(), clock);
const buffers = new Map<number, Uint8Array>();

let isBusy = false;

function nextRequest(last: number): number {
  const sinceMs = clock.monotonicMs();
  const untilMs = looksOut && isBusy ? sinceMs + lookoutMs : sinceMs;
  while (Atomics.load(words, word.request) === last && clock.monotonicMs() < untilMs);
  while (Atomics.load(words, word.request) === last) Atomics.wait(words, word.request, last);
  isBusy = clock.monotonicMs() - sinceMs < lookoutMs;
  return Atomics.load(words, word.request);
}

function read(at: number): number {
  return Atomics.load(words, at);
}

function receive(): Job | BufferMessage {
  const received = receiveMessageOnPort(port) as { message: Job | BufferMessage } | undefined;
  invariant(received !== undefined, 'a request said that a message is there');
  return received.message;
}

function bufferOf(id: number): Uint8Array {
  for (;;) {
    const known = buffers.get(id);
    if (known !== undefined) return known;
    const message = receive();
    invariant(message.kind === 'buffer', 'a batch came before its buffer');
    buffers.set(message.id, new Uint8Array(message.buffer));
  }
}

function runWrite(): JobResult {
  const offset = read(word.offset);
  const bytes = bufferOf(read(word.buffer)).subarray(offset, offset + read(word.length));
  return disk.write({ bytes, position: numbers[number.position] ?? 0 });
}

function runMessage(): { result: JobResult; isEnd: boolean } {
  const message = receive();
  invariant(message.kind !== 'buffer', 'a buffer is no job');
  return { result: disk.run(message), isEnd: message.kind === 'end' };
}

function answer(request: number, status: number): void {
  Atomics.store(words, word.status, status);
  Atomics.store(words, word.answer, request);
  Atomics.notify(words, word.answer);
}

/** false when the thread is to end. */
function serve(request: number): boolean {
  try {
    const isWrite = read(word.kind) === requestKinds.write;
    const { result, isEnd } = isWrite ? { result: runWrite(), isEnd: false } : runMessage();
    numbers[number.writeMs] = result.writeMs;
    numbers[number.syncMs] = result.syncMs;
    answer(request, result.isDiskFull ? statuses.diskFull : statuses.done);
    return !isEnd;
  } catch (error) {
    const failure: FailureMessage = { kind: 'failure', message: messageOf(error) };
    port.postMessage(failure);
    answer(request, statuses.failed);
    return false;
  }
}

for (let request = nextRequest(0); serve(request); request = nextRequest(request));
port.close();
