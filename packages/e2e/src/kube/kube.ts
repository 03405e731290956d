// What a suite does to the API server, as a person would by kubectl: apply, look, wait, exec, logs. A wait follows a watch and
// never sleeps; one in vain tells what was last seen and the last Events. Relies on kubectl and KUBECONFIG in the environment.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { formatDuration, invariant, onAbort, pause, type Clock, type Timers } from '@holdfast/base';
import { CommandError, run, type CommandOptions } from './command.ts';
import {
  describeSelection,
  pathOf,
  type Kind,
  type KubeEvent,
  type Manifest,
  type Objects,
  type Selection,
} from './objects.ts';
import { Watch, type WatchOptions } from './watch.ts';

export interface KubeOptions {
  readonly namespace: string;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Names another cluster than the suite's; nothing for that one, which the process of a case speaks to by itself. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Told of each condition that came true, and how long that took. */
  readonly onFigure: (figure: Figure) => void;
}

export interface Figure {
  readonly what: string;
  readonly tookMs: number;
}

export interface Wait<K extends Kind> {
  readonly kind: K;
  readonly selection: Selection;
  /** Goes on from the kind and the name, as in "Pod web is Ready". */
  readonly condition: string;
  readonly holds: (objects: readonly Objects[K][]) => boolean;
  readonly limitMs?: number;
}

export interface ExecTarget {
  readonly pod: string;
  readonly container?: string;
  readonly limitMs?: number;
}

export interface LogTarget {
  readonly pod: string;
  readonly container: string;
  readonly limitMs?: number;
}

interface LogEnd {
  readonly count: number;
  readonly signal: AbortSignal;
}

const waitLimitMs = 60_000;
/** Between two attempts to follow a log, while the kubelet does not answer. */
const logRetryMs = 200;
/** Of what a failed wait shows: enough for a status, too little to bury the rest. */
const shownLimit = { objects: 5, characters: 1500, events: 8, lines: 10 } as const;

export class Kube {
  readonly namespace: string;
  readonly #options: KubeOptions;

  constructor(options: KubeOptions) {
    this.namespace = options.namespace;
    this.#options = options;
  }

  /** The same API server, another namespace. */
  in(namespace: string): Kube {
    return new Kube({ ...this.#options, namespace });
  }

  /** kubectl with these words in this namespace; its stdout. */
  kubectl(
    words: readonly string[],
    options: { readonly limitMs?: number; readonly stdin?: string } = {},
  ): Promise<string> {
    return this.#run(['--namespace', this.namespace, ...words], options);
  }

  #run(words: readonly string[], options: CommandOptions = {}): Promise<string> {
    const { environment = {} } = this.#options;
    return run(['kubectl', ...words], { ...options, environment });
  }

  async apply(...manifests: readonly Manifest[]): Promise<void> {
    const list = { apiVersion: 'v1', kind: 'List', items: manifests };
    const words = ['apply', '--server-side', '--field-manager=e2e', '--filename=-'];
    await this.kubectl(words, { stdin: JSON.stringify(list) });
  }

  /** Asks for the end of an object and does not wait for it; one that is not there has ended. */
  async delete(kind: Kind, name: string, options: readonly string[] = []): Promise<void> {
    await this.kubectl(['delete', kind, name, '--ignore-not-found', '--wait=false', ...options]);
  }

  async list<K extends Kind>(kind: K, selection: Selection = {}): Promise<readonly Objects[K][]> {
    const text = await this.#run(['get', '--raw', pathOf(kind, selection, this.namespace)]);
    return (JSON.parse(text) as { readonly items?: readonly Objects[K][] | null }).items ?? [];
  }

  async get<K extends Kind>(kind: K, name: string): Promise<Objects[K] | null> {
    return (await this.list(kind, { name }))[0] ?? null;
  }

  /** Follows a selection until it is stopped; `until` of the Watch and its `onChange` see every change. */
  watch<K extends Kind>(
    kind: K,
    selection: Selection,
    onChange?: NonNullable<WatchOptions<K>['onChange']>,
  ): Promise<Watch<K>> {
    const { timers, environment = {} } = this.#options;
    const path = pathOf(kind, selection, this.namespace);
    return Watch.start({ kind, path, timers, environment, ...(onChange === undefined ? {} : { onChange }) });
  }

  /** The objects of a selection as they were when the condition came true of them together. */
  async waitFor<K extends Kind>(wait: Wait<K>): Promise<readonly Objects[K][]> {
    const { kind, selection, condition, holds, limitMs = waitLimitMs } = wait;
    const startMs = this.#options.clock.monotonicMs();
    const watch = await this.watch(kind, selection);
    try {
      let found: readonly Objects[K][] = [];
      const isTrue = await watch.until((objects) => {
        found = objects;
        return holds(objects);
      }, limitMs);
      if (!isTrue) throw new Error(await this.#explain(wait, watch));
      const what = `${describeSelection(kind, selection)} ${condition}`;
      this.#options.onFigure({ what, tookMs: this.#options.clock.monotonicMs() - startMs });
      return found;
    } finally {
      await watch.stop();
    }
  }

  /** One object by its name, once the condition holds for it. */
  async waitForOne<K extends Kind>(
    kind: K,
    name: string,
    wait: {
      readonly condition: string;
      readonly holds: (object: Objects[K]) => boolean;
      readonly limitMs?: number;
    },
  ): Promise<Objects[K]> {
    const [object] = await this.waitFor({
      ...wait,
      kind,
      selection: { name },
      holds: (objects) => objects.some((candidate) => wait.holds(candidate)),
    });
    invariant(object !== undefined, 'a condition held for an object that is not there');
    return object;
  }

  async waitForNone(kind: Kind, selection: Selection, limitMs = waitLimitMs): Promise<void> {
    await this.waitFor({ kind, selection, condition: 'is gone', holds: (objects) => objects.length === 0, limitMs });
  }

  /** The first Event of an object that satisfies `holds`. */
  async waitForEvent(
    about: string,
    condition: string,
    holds: (event: KubeEvent) => boolean,
    limitMs = waitLimitMs,
  ): Promise<KubeEvent> {
    const events = await this.waitFor({
      kind: 'Event',
      selection: { fields: { 'involvedObject.name': about } },
      condition,
      holds: (objects) => objects.some(holds),
      limitMs,
    });
    const event = events.find(holds);
    invariant(event !== undefined, 'an Event was found and is not there');
    return event;
  }

  /** Runs a command in a pod; its stdout. */
  exec({ pod, container, limitMs }: ExecTarget, command: readonly string[]): Promise<string> {
    const where = [pod, ...(container === undefined ? [] : [`--container=${container}`])];
    return this.kubectl(['exec', ...where, '--', ...command], limitMs === undefined ? {} : { limitMs });
  }

  /** What a container wrote; null if there is none, as with `previous` where none has ended. */
  async logs(pod: string, container: string, { previous = false } = {}): Promise<string | null> {
    try {
      const words = [pod, `--container=${container}`, '--timestamps', ...(previous ? ['--previous'] : [])];
      return await this.kubectl(['logs', ...words], { limitMs: 15_000 });
    } catch (error) {
      if (error instanceof CommandError && /not found|is waiting to start/.test(error.stderr)) return null;
      throw error;
    }
  }

  /**
   * Follows a container's log from its start until `count` lines hold `words`; answers the last of them. A log comes through
   * the node's kubelet: when that ends, so does the stream, and it is followed anew.
   */
  async waitForLine(target: LogTarget, words: string, count = 1): Promise<string> {
    const { clock, timers, onFigure } = this.#options;
    const { pod, limitMs = waitLimitMs } = target;
    const startMs = clock.monotonicMs();
    const limit = new AbortController();
    const timer = timers.after(limitMs, () => limit.abort());
    try {
      for (;;) {
        const lines = await this.#followLog(target, words, { count, signal: limit.signal });
        const line = lines.filter((candidate) => candidate.includes(words))[count - 1];
        if (line !== undefined) {
          onFigure({ what: `${pod} says ${words}`, tookMs: clock.monotonicMs() - startMs });
          return line;
        }
        if (limit.signal.aborted) {
          const what = `in vain for ${formatDuration(limitMs)}: ${pod} says ${words} ${count} times`;
          throw new Error([what, ...lines.slice(-shownLimit.lines)].join('\n'));
        }
        await pause(timers, logRetryMs, limit.signal);
      }
    } finally {
      timer.cancel();
    }
  }

  /** The lines up to the `count`th that holds `words`, or up to the end of the stream. */
  async #followLog({ pod, container }: LogTarget, words: string, end: LogEnd): Promise<readonly string[]> {
    const argv = ['--namespace', this.namespace, 'logs', pod, `--container=${container}`, '--follow'];
    const env = { ...process.env, ...this.#options.environment };
    const child = spawn('kubectl', argv, { stdio: ['ignore', 'pipe', 'ignore'], env });
    const release = onAbort(end.signal, () => child.kill('SIGKILL'));
    const lines: string[] = [];
    let found = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line.includes(words)) found += 1;
      if (found === end.count) break;
    }
    release();
    child.kill('SIGKILL');
    return lines;
  }

  async #explain<K extends Kind>(wait: Wait<K>, watch: Watch<K>): Promise<string> {
    const { kind, selection, condition, limitMs = waitLimitMs } = wait;
    const what = `${describeSelection(kind, selection)} ${condition}`;
    const { objects, trouble } = watch;
    const events =
      objects.length === 0 ? await this.#eventsAbout(selection.name ?? null) : await this.#eventsOf(objects);
    return [
      `in vain for ${formatDuration(limitMs)}: ${what}`,
      ...(trouble === null ? [] : [`the API server does not answer: ${trouble}`]),
      ...(objects.length === 0 ? ['last seen: none'] : objects.slice(0, shownLimit.objects).map(describeObject)),
      ...(events.length === 0
        ? ['no Events']
        : ['last Events:', ...events.map((event) => `  ${describeEvent(event)}`)]),
    ].join('\n');
  }

  async #eventsOf(objects: readonly { readonly metadata: { readonly uid: string } }[]): Promise<readonly KubeEvent[]> {
    const uids = new Set(objects.map(({ metadata }) => metadata.uid));
    const events = await this.#allEvents();
    return events.filter(({ involvedObject }) => uids.has(involvedObject.uid ?? '')).slice(-shownLimit.events);
  }

  async #eventsAbout(name: string | null): Promise<readonly KubeEvent[]> {
    const events = await this.#allEvents();
    return events
      .filter(({ involvedObject }) => name === null || involvedObject.name === name)
      .slice(-shownLimit.events);
  }

  /** Oldest first. None when the API server does not answer, so that a wait in vain still tells the rest. */
  async #allEvents(): Promise<readonly KubeEvent[]> {
    try {
      const events = await this.list('Event');
      return events.toSorted((left, right) => timeOf(left).localeCompare(timeOf(right)));
    } catch {
      return [];
    }
  }
}

const timeOf = ({ eventTime, lastTimestamp }: KubeEvent): string => lastTimestamp ?? eventTime ?? '';

export const describeEvent = (event: KubeEvent): string =>
  `${timeOf(event)} ${event.type} ${event.involvedObject.kind} ${event.involvedObject.name} ${event.reason}: ${event.message}`;

/** The name and the status, which is where Kubernetes says why; without a status, the spec. */
function describeObject(object: { readonly metadata: { readonly name: string } }): string {
  const { metadata, ...rest } = object;
  const { status, spec } = rest as { readonly status?: unknown; readonly spec?: unknown };
  return `last seen: ${metadata.name} ${JSON.stringify(status ?? spec ?? rest).slice(0, shownLimit.characters)}`;
}
