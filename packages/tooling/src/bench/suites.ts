// Finds the bench files of the workspace and runs a suite of them.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { nodeWords } from '../launcher.ts';
import { root as checkout } from '../root.ts';
import type { Bench } from './contract.ts';
import type { Figure } from './figure.ts';

/** Suite name → its files, both sorted. */
export type Suites = ReadonlyMap<string, readonly string[]>;

export async function findSuites(root: string): Promise<Suites> {
  const suites = new Map<string, string[]>();
  for (const file of globSync('packages/*/src/**/*.bench.ts', { cwd: root }).toSorted()) {
    const { default: bench } = (await import(pathToFileURL(join(root, file)).href)) as { default?: Partial<Bench> };
    assert(
      typeof bench?.name === 'string' && typeof bench.run === 'function',
      `${file} default-exports no Bench: see packages/tooling/src/bench/contract.ts`,
    );
    suites.set(bench.name, [...(suites.get(bench.name) ?? []), file]);
  }
  return new Map([...suites].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Runs one bench file in its own process and resolves with its figures; a process that fails rejects. */
export async function runBenchFile(root: string, file: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  const child = fork(join(import.meta.dirname, 'child.ts'), [join(root, file)], {
    cwd: root,
    env: { ...process.env, HOLDFAST_BENCH: '1' },
    // What it measures by itself, as a client or in its own process, runs as the program does.
    execArgv: [...process.execArgv, ...nodeWords(checkout)],
    serialization: 'advanced',
  });
  child.on('message', (figure) => figures.push(figure as Figure));
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...end) => {
      resolve(end);
    });
  });
  if (code !== 0) throw new Error(`${file} ended with ${signal ?? `exit code ${code}`}`);
  if (figures.length === 0) throw new Error(`${file} reported no figure`);
  return figures;
}
