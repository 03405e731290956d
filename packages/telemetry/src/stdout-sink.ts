// Gets log lines out of the process, in order, without ever waiting for their reader. A container's stdout is a pipe that the
// runtime copies to a disk; when that disk hangs (the very outage that the log should tell of) the pipe fills, and a blocking
// write would stop the agent, its lease would run out, and a slow log would have fenced the node. So the pipe is opened a
// second time, non-blocking, as our own description: the flag stays ours, other holders of the pipe do not see it. What does
// not fit waits in memory within a limit; beyond it lines are dropped, counted, and owned up to when there is room again.
//
// Lines are written at once, in the caller's turn, so a process that exits or crashes in the next statement has lost nothing;
// what waits is written while the process exits, for a bounded time. Files, terminals and sockets are written blocking.
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { invariant, systemErrorCode, type Timer, type Timers } from '@holdfast/base';
import type { LogSink } from './log.ts';

export interface StdoutSinkOptions {
  readonly timers: Timers;
  readonly pendingLimitBytes?: number;
}

const stdout = 1;
const pendingLimitBytesDefault = 4 * 1024 * 1024;
const retryDelayMs = 20;
/** At exit a reader that is alive gets this many chances, 1 s in all. */
const exitAttemptsLimit = 200;
const exitPauseMs = 5;

export class StdoutSink implements LogSink {
  readonly #timers: Timers;
  readonly #pendingLimitBytes: number;
  readonly #descriptor: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #retry: Timer | null = null;
  #droppedLines = 0;
  #untoldLines = 0;
  #onLoss: (lines: number) => void = () => undefined;
  readonly #atExit = (): void => {
    this.#drainAtExit();
  };

  constructor(options: StdoutSinkOptions) {
    this.#timers = options.timers;
    this.#pendingLimitBytes = options.pendingLimitBytes ?? pendingLimitBytesDefault;
    this.#descriptor = openWithoutBlocking();
    process.on('exit', this.#atExit);
  }

  /** Lines that nobody will ever read, for the metric. */
  get droppedLines(): number {
    return this.#droppedLines;
  }

  reportLoss(callback: (lines: number) => void): void {
    this.#onLoss = callback;
  }

  write(line: string): void {
    invariant(line.endsWith('\n'), 'a log line ends with its newline');
    const bytes = Buffer.from(line);
    if (this.#pending.length > 0) this.#keep(bytes);
    else this.#writeOrKeep(bytes);
  }

  /** Writes what waits, for a bounded time, and gives the second description back; the sink is not used after that. */
  close(): void {
    process.off('exit', this.#atExit);
    this.#drainAtExit();
    if (this.#descriptor !== stdout) closeSync(this.#descriptor);
  }

  #writeOrKeep(bytes: Buffer): void {
    const rest = this.#attempt(bytes);
    if (rest === null) return;
    // The rest of a line is kept whatever the limit says: without its end it would swallow the line after it.
    this.#pending.push(rest);
    this.#pendingBytes += rest.length;
    this.#scheduleRetry();
  }

  #keep(bytes: Buffer): void {
    if (this.#pendingBytes + bytes.length > this.#pendingLimitBytes) {
      this.#drop(1);
      return;
    }
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  #drop(lines: number): void {
    this.#droppedLines += lines;
    this.#untoldLines += lines;
  }

  /** What could not be written yet, or null. */
  #attempt(bytes: Buffer): Buffer | null {
    try {
      const written = writeSync(this.#descriptor, bytes);
      return written === bytes.length ? null : bytes.subarray(written);
    } catch (error) {
      if (systemErrorCode(error) === 'EAGAIN') return bytes;
      // The reader is gone or the log's disk is full. Storage goes on without its log; the metric tells.
      this.#drop(1);
      return null;
    }
  }

  #scheduleRetry(): void {
    this.#retry ??= this.#timers.after(retryDelayMs, () => {
      this.#retry = null;
      if (this.#flush()) this.#tellLoss();
      else this.#scheduleRetry();
    });
  }

  /** Whether nothing waits any more. */
  #flush(): boolean {
    let done = 0;
    for (const bytes of this.#pending) {
      const rest = this.#attempt(bytes);
      this.#pendingBytes -= bytes.length - (rest?.length ?? 0);
      if (rest !== null) {
        this.#pending[done] = rest;
        break;
      }
      done += 1;
    }
    this.#pending = this.#pending.slice(done);
    return this.#pending.length === 0;
  }

  #tellLoss(): void {
    const lines = this.#untoldLines;
    this.#untoldLines = 0;
    if (lines > 0) this.#onLoss(lines);
  }

  #drainAtExit(): void {
    this.#retry?.cancel();
    const cell = new Int32Array(new SharedArrayBuffer(4));
    for (let attempt = 0; !this.#flush(); attempt += 1) {
      if (attempt >= exitAttemptsLimit) return;
      // The event loop has ended; this thread has nothing else to do than to let the reader read.
      Atomics.wait(cell, 0, 0, exitPauseMs);
    }
    this.#tellLoss();
  }
}

function openWithoutBlocking(): number {
  if (!fstatSync(stdout).isFIFO()) return stdout;
  try {
    return openSync('/proc/self/fd/1', constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    // The pipe belongs to another user, or /proc is hidden: then a reader that stops can stop us, and that is all.
    const code = systemErrorCode(error);
    if (code === 'EACCES' || code === 'ENOENT') return stdout;
    throw error;
  }
}
