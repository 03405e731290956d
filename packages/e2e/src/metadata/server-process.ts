// A server of a bench or a soak as a process whose output goes to a file, as a container's does: a line per call through a pipe would
// make the client's process work for the server's log, and would hold up the server when the client is busy.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { invariant, RealClock, RealTimers, sleep } from '@holdfast/base';

const clock = new RealClock();
const timers = new RealTimers();
const readyLimitMs = 120_000;

export interface ServerCommand {
  readonly argv: readonly string[];
  /** Appended to: a server that starts again goes on in it. */
  readonly outputPath: string;
  /** What it writes when it serves. */
  readonly ready: RegExp;
}

/** A bench that fails must not leave servers behind it. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class ServerProcess {
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #command: ServerCommand;
  readonly #from: number;
  #hasEnded = false;

  private constructor(command: ServerCommand, child: ChildProcess, from: number) {
    this.#command = command;
    this.#child = child;
    this.#from = from;
    running.add(child);
    this.ended = once(child, 'exit').then(() => {
      running.delete(child);
      this.#hasEnded = true;
    });
  }

  static start(command: ServerCommand): ServerProcess {
    const [program, ...words] = command.argv;
    invariant(program !== undefined, 'a command begins with a program');
    const file = openSync(command.outputPath, 'a');
    try {
      const from = readFileSync(command.outputPath).length;
      return new ServerProcess(command, spawn(program, words, { stdio: ['ignore', file, file] }), from);
    } finally {
      closeSync(file);
    }
  }

  get pid(): number {
    invariant(this.#child.pid !== undefined, 'a process that was started has an id');
    return this.#child.pid;
  }

  /** Nobody is left to signal behind its end. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  async ready(): Promise<void> {
    const { outputPath, ready, argv } = this.#command;
    const endMs = clock.monotonicMs() + readyLimitMs;
    const output = (): string => readFileSync(outputPath).subarray(this.#from).toString();
    while (!ready.test(output())) {
      if (this.#hasEnded || clock.monotonicMs() > endMs) {
        throw new Error(`${argv.slice(0, 2).join(' ')} did not get ready:\n${output()}`);
      }
      await sleep(timers, 20);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.signal(signal);
    await this.ended;
  }
}
