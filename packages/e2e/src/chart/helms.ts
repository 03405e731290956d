// The two Helms that the chart is for, as dev-env builds them from their Go modules; each with folders of its own and without
// a cluster, so that nothing of the machine's Helm is read or written.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { invariant } from '@holdfast/base';
import { run } from '../kube/command.ts';
import { root } from '../kube/helm.ts';

export const chartFolder = join(root, 'charts/holdfast');
/** Modules of dev-env, and the programs in them. */
export const helmNames = ['helm', 'helm3'] as const;
export type HelmName = (typeof helmNames)[number];

export interface HelmAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Go compiles a thousand packages for each, where none is in its cache. */
const buildLimitMs = 15 * 60_000;
const helmLimitMs = 30_000;

export class Helms {
  readonly #programs: ReadonlyMap<string, string>;
  readonly #home: string;

  private constructor(programs: ReadonlyMap<string, string>, home: string) {
    this.#programs = programs;
    this.#home = home;
  }

  /** Builds what is not in the cache yet. */
  static async build(): Promise<Helms> {
    const said = await run([join(root, 'dev-env/build.sh'), ...helmNames], { limitMs: buildLimitMs });
    const folders = [...said.matchAll(/^dev-env: built: (.*)$/gm)].map(([, folder]) => folder ?? '');
    const programs = new Map(helmNames.map((name, index) => [name, join(folders[index] ?? '', 'bin', name)]));
    return new Helms(programs, await mkdtemp(join(tmpdir(), 'holdfast-helm-')));
  }

  async close(): Promise<void> {
    await rm(this.#home, { recursive: true });
  }

  run(name: HelmName, words: readonly string[]): Promise<HelmAnswer> {
    const program = this.#programs.get(name);
    invariant(program !== undefined, `a program for ${name}`);
    const home = join(this.#home, name);
    const folders = {
      HELM_CACHE_HOME: `${home}/cache`,
      HELM_CONFIG_HOME: `${home}/config`,
      HELM_DATA_HOME: `${home}/data`,
    };
    const settings = { cwd: root, env: { PATH: '/usr/bin:/bin', HOME: home, ...folders }, timeout: helmLimitMs };
    return new Promise((resolve, reject) => {
      execFile(program, words, settings, (error, stdout, stderr) => {
        if (error === null) resolve({ code: 0, stdout, stderr });
        else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr });
        else reject(new Error(`${name} did not run: ${error.message}`));
      });
    });
  }

  /** Both give the same objects in the same order; they part them by different numbers of empty lines. */
  async render(name: HelmName, words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(name, renderWords(words));
    invariant(code === 0, `${name} renders the chart: ${stderr}`);
    return `${stdout.replaceAll(/\n+---\n/g, '\n---\n').trim()}\n`;
  }
}

/** For the Kubernetes that dev-env runs; what a Helm assumes by itself depends on how it was built. */
export function renderWords(words: readonly string[]): readonly string[] {
  return ['template', 'holdfast', chartFolder, '--namespace=holdfast-system', '--kube-version=1.34.0', ...words];
}
