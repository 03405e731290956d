// The objects of one selection as the API server tells their changes: a list, then a watch from that very version on, so that
// nothing between two looks is missed. Runs `kubectl get --raw`, which passes the API server's stream through line by line.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { messageOf, sleep, type Timers } from '@holdfast/base';
import { run } from './command.ts';
import type { Kind, Objects } from './objects.ts';

interface List<Value> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items?: readonly Value[];
}

interface Line<Value> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Value;
}

/** Null for half a line, the last of a stream that broke off: the list that follows tells what it would have told. */
function parseLine<Value>(text: string): Line<Value> | null {
  try {
    return JSON.parse(text) as Line<Value>;
  } catch {
    return null;
  }
}

export interface WatchOptions<K extends Kind> {
  readonly kind: K;
  readonly path: string;
  readonly timers: Timers;
  /** What lets kubectl speak to the cluster, beside the environment of this process. */
  readonly environment: Readonly<Record<string, string>>;
  /** Told the objects after each change, in order. */
  readonly onChange?: (objects: readonly Objects[K][]) => void;
}

/** Between two lists while the API server does not answer. */
const retryMs = 200;

export class Watch<K extends Kind> {
  /** How often the stream broke and a list took its place: what came and went meanwhile was not seen. */
  breaks = 0;
  readonly #options: WatchOptions<K>;
  readonly #objects = new Map<string, Objects[K]>();
  readonly #looks = new Set<() => void>();
  #child: ChildProcessByStdio<null, Readable, null> | null = null;
  #following: Promise<void> = Promise.resolve();
  #isStopped = false;
  #trouble: string | null = null;

  private constructor(options: WatchOptions<K>) {
    this.#options = options;
  }

  /** Resolves when the objects are known for the first time. */
  static async start<K extends Kind>(options: WatchOptions<K>): Promise<Watch<K>> {
    const watch = new Watch(options);
    const version = await watch.#list();
    watch.#following = watch.#follow(version);
    return watch;
  }

  get objects(): readonly Objects[K][] {
    return [...this.#objects.values()];
  }

  /** Why the API server does not answer at the moment; null while it does. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** Whether `holds` came true of the objects within the limit; looks at once and then at every change. */
  until(holds: (objects: readonly Objects[K][]) => boolean, limitMs: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void): void => {
        timer.cancel();
        this.#looks.delete(look);
        outcome();
      };
      const look = (): void => {
        try {
          if (holds(this.objects)) settle(() => resolve(true));
        } catch (error) {
          settle(() => reject(error instanceof Error ? error : new Error(String(error))));
        }
      };
      const timer = this.#options.timers.after(limitMs, () => settle(() => resolve(false)));
      this.#looks.add(look);
      look();
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#child?.kill('SIGKILL');
    await this.#following;
  }

  async #list(): Promise<string> {
    const { path, environment } = this.#options;
    const list = JSON.parse(await run(['kubectl', 'get', '--raw', path], { environment })) as List<Objects[K]>;
    this.#objects.clear();
    for (const object of list.items ?? []) this.#objects.set(object.metadata.uid, object);
    this.#changed();
    return list.metadata.resourceVersion;
  }

  async #follow(version: string): Promise<void> {
    let from = version;
    for (;;) {
      await this.#stream(from);
      if (this.#isStopped) return;
      this.breaks += 1;
      const next = await this.#listAgain();
      if (next === null) return;
      from = next;
    }
  }

  /** Null when it was stopped meanwhile. */
  async #listAgain(): Promise<string | null> {
    for (;;) {
      try {
        const version = await this.#list();
        this.#trouble = null;
        return version;
      } catch (error) {
        this.#trouble = messageOf(error);
      }
      await sleep(this.#options.timers, retryMs);
      if (this.#isStopped) return null;
    }
  }

  /** Until the API server or `stop` ends it. */
  async #stream(version: string): Promise<void> {
    if (this.#isStopped) return;
    const path = `${this.#options.path}&watch=1&resourceVersion=${version}`;
    const env = { ...process.env, ...this.#options.environment };
    const child = spawn('kubectl', ['get', '--raw', path], { stdio: ['ignore', 'pipe', 'ignore'], env });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = parseLine<Objects[K]>(text);
      if (line !== null) this.#take(line);
    });
    await once(child, 'close');
    this.#child = null;
  }

  #take({ type, object }: Line<Objects[K]>): void {
    // An error line (a version that is too old) is the last of its stream.
    if (type === 'ERROR' || type === 'BOOKMARK' || this.#isStopped) return;
    if (type === 'DELETED') this.#objects.delete(object.metadata.uid);
    else this.#objects.set(object.metadata.uid, object);
    this.#changed();
  }

  #changed(): void {
    this.#options.onChange?.(this.objects);
    for (const look of this.#looks) look();
  }
}
