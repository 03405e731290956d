// Runs the generators of the table and says what they changed. With a memory of the states that were found fresh, a
// generator whose inputs and outputs hash to one of them need not run again: the same inputs give the same outputs.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Generator } from './generators.ts';
import { compareSnapshots, digest, takeSnapshot } from './snapshot.ts';

interface PackageJson {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const readPackage = (root: string, name: string): PackageJson =>
  JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as PackageJson;

/** The package and every package of ours that it stands on. */
function closureOf(root: string, name: string, known = new Set<string>()): ReadonlySet<string> {
  if (known.has(name)) return known;
  known.add(name);
  const { dependencies, devDependencies } = readPackage(root, name);
  for (const dependency of Object.keys({ ...dependencies, ...devDependencies })) {
    const [, ours] = dependency.split('@holdfast/');
    if (ours !== undefined) closureOf(root, ours, known);
  }
  return known;
}

function inputsOf(root: string, generator: Generator): string[] {
  const packages = [...closureOf(root, generator.package)];
  return ['pnpm-lock.yaml', ...generator.inputs, ...packages.map((name) => `packages/${name}/**`)];
}

/** Table and scripts must agree, or a package's generator would never run. */
export function findUnplugged(root: string, generators: readonly Generator[]): string[] {
  const listed = new Set(generators.map((generator) => generator.package));
  const scripted = readdirSync(join(root, 'packages')).filter(
    (name) =>
      existsSync(join(root, 'packages', name, 'package.json')) &&
      readPackage(root, name).scripts?.['generate'] !== undefined,
  );
  return [
    ...scripted.filter((name) => !listed.has(name)).map((name) => `${name} has no row in the table of generators`),
    ...[...listed].filter((name) => !scripted.includes(name)).map((name) => `${name} has no script "generate"`),
  ];
}

/** Runs one generator and returns what it changed, or what is wrong with it. */
export function generate(root: string, generator: Generator): string[] {
  const before = takeSnapshot(root, generator.outputs);
  execFileSync(process.execPath, ['--run', 'generate'], {
    cwd: join(root, 'packages', generator.package),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const after = takeSnapshot(root, generator.outputs);
  const empty = generator.outputs.filter((glob) => takeSnapshot(root, [glob]).size === 0);
  return [...compareSnapshots(before, after), ...empty.map((glob) => `${glob} is not made by ${generator.package}`)];
}

/** As `generate`, unless this very state was found fresh before. */
export function generateUnlessKnown(root: string, generator: Generator): string[] {
  const memory = join(root, 'build/cache/generate', generator.package);
  const state = (): string =>
    digest(takeSnapshot(root, inputsOf(root, generator)), takeSnapshot(root, generator.outputs));
  if (existsSync(memory) && readFileSync(memory, 'utf8') === state()) return [];
  const changes = generate(root, generator);
  if (changes.length > 0) return changes;
  mkdirSync(dirname(memory), { recursive: true });
  writeFileSync(memory, state());
  return [];
}
