// The life of the cluster around one suite, in the runner's process: built, started, given the image, ended. The runner
// outlives the cases, so the cluster ends whatever became of them. What dev-env refuses is one line, and is passed on as it is.
import { dirname, join } from 'node:path';
import { exec, type ExecResult, type Timers } from '@holdfast/base';
import type { ClusterShape } from '../suites.ts';
import { root } from './helm.ts';
import { neighbourOf, type ClusterPlace } from './dev-cluster.ts';

/** Where `make image` leaves it. */
export const imageFile = join(root, 'build/image.tar');
const limits = {
  /** The first build of Kubernetes takes a quarter of an hour on two cores. */
  buildMs: 3_600_000,
  imageMs: 300_000,
  startMs: 180_000,
  endMs: 120_000,
} as const;

export interface SuiteClusterOptions {
  readonly name: string;
  readonly shape: ClusterShape;
  readonly timers: Timers;
  /** Calls off a start; an end is never called off. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  readonly tools: { readonly scripts: string; readonly userId: number };
}

export interface StartedCluster {
  readonly place: ClusterPlace;
  /** What lets kubectl and helm speak to it. */
  readonly environment: Readonly<Record<string, string>>;
}

interface Call {
  readonly limitMs: number;
  readonly signal: AbortSignal | null;
  readonly environment?: Readonly<Record<string, string>>;
}

/** A refusal that a person can act on: one line. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

export class SuiteCluster {
  readonly #options: SuiteClusterOptions;
  readonly #scripts: string;
  /** One that stood before is used, and left to whoever started it. */
  #isForeign = false;
  #hasBegun = false;

  constructor(options: SuiteClusterOptions) {
    this.#options = options;
    this.#scripts = options.tools.scripts;
  }

  async start(): Promise<StartedCluster> {
    const { signal, shape, tools } = this.#options;
    if (tools.userId !== 0)
      throw new Refusal('a cluster needs root (namespaces, interfaces, loop devices); run it with sudo');
    this.#hasBegun = true;
    this.#isForeign = (await this.#exec(this.#cluster('env'), { limitMs: limits.startMs, signal })).exitCode === 0;
    await this.#run([join(this.#scripts, 'build.sh')], { limitMs: limits.buildMs, signal });
    const environment = { DISKS: '0' };
    const [image] = await Promise.all([
      shape.hasImage ? this.#makeImage() : null,
      this.#run(this.#cluster('up', String(shape.nodeCount)), { limitMs: limits.startMs, signal, environment }),
    ]);
    if (image !== null) await this.#run(this.#cluster('load', image), { limitMs: limits.startMs, signal });
    return this.#started();
  }

  /** Ends it without a trace, or says how to reach what is left standing. */
  async end(isKept: boolean): Promise<void> {
    const { name, shape, say } = this.#options;
    const call = { limitMs: limits.endMs, signal: null };
    if (!this.#hasBegun) return;
    if (shape.hasNeighbour)
      await this.#run(this.#cluster('down'), { ...call, environment: { CLUSTER: neighbourOf(name) } });
    if (isKept || this.#isForeign) {
      say(`the cluster ${name} is left standing${this.#isForeign ? ', as it was found' : ''}`);
      say(`  reach it: eval "$(CLUSTER=${name} dev-env/cluster.sh env)"`);
      say(`  end it:   make dev-down CLUSTER=${name}`);
      return;
    }
    await this.#run(this.#cluster('down'), call);
  }

  async #started(): Promise<StartedCluster> {
    const { name, shape, signal } = this.#options;
    const text = await this.#run(this.#cluster('env'), { limitMs: limits.startMs, signal });
    const [, kubeconfig, programs] = /^export KUBECONFIG=(\S+) PATH="([^:]+):/.exec(text) ?? [];
    if (kubeconfig === undefined || programs === undefined)
      throw new Refusal(`cluster.sh env said something else: ${text}`);
    return {
      place: { name, nodeCount: shape.nodeCount, stateFolder: dirname(dirname(kubeconfig)) },
      environment: { KUBECONFIG: kubeconfig, PATH: `${programs}:${process.env['PATH'] ?? ''}` },
    };
  }

  /** The program as it is in this checkout, as the file that `cluster.sh load` takes. */
  async #makeImage(): Promise<string> {
    const call = { limitMs: limits.imageMs, signal: this.#options.signal };
    await this.#run([process.execPath, join(root, 'packages/tooling/src/image/build.ts')], call);
    return imageFile;
  }

  #cluster(...words: readonly string[]): [string, ...string[]] {
    return [join(this.#scripts, 'cluster.sh'), ...words];
  }

  async #run(argv: [string, ...string[]], call: Call): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#exec(argv, call);
    if (exitCode !== 0) throw new Refusal(stderr.trimEnd().split('\n').at(-1) ?? `${argv.join(' ')} failed`);
    return stdout;
  }

  /** In a process group of its own: what a script started is ended with it, and Ctrl-C at the terminal reaches only us. */
  #exec(argv: [string, ...string[]], { limitMs, signal, environment = {} }: Call): Promise<ExecResult> {
    const inherited = ['HOLDFAST_DEV_ENV', 'HOLDFAST_CACHE', 'XDG_CACHE_HOME', 'GOPROXY', 'GOFLAGS'];
    const given = Object.fromEntries(inherited.flatMap((key) => [[key, process.env[key]] as const]).filter(isGiven));
    const env = { ...given, CLUSTER: this.#options.name, ...environment };
    return exec(argv, { timers: this.#options.timers, limitMs, signal, env });
  }
}

function isGiven(pair: readonly [string, string | undefined]): pair is readonly [string, string] {
  return pair[1] !== undefined;
}
