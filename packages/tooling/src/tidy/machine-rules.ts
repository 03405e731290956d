// Rules about what only base's real implementations may ask the machine, so that the simulator can drive everything else.
import ts from 'typescript';
import { machineFiles } from './packages.ts';
import type { RepositoryFile } from './repository.ts';
import type { Finding, Rule } from './rule.ts';
import { descendants, dottedName, importsOf } from './syntax.ts';

// Development packages run real processes and wait for real time; a bench measures it.
const isFree = (file: RepositoryFile): boolean =>
  ['e2e', 'tooling'].includes(file.package ?? '') || file.path.endsWith('.bench.ts');

const clockCalls = new Set([
  'Date.now',
  'performance.now',
  'process.hrtime',
  'process.hrtime.bigint',
  'process.uptime',
  'Date',
]);
const timerCalls = new Set(['setTimeout', 'setInterval', 'setImmediate', 'AbortSignal.timeout', 'scheduler.wait']);
const randomCalls = new Set([
  ...['Math.random', 'crypto.randomUUID', 'crypto.getRandomValues', 'crypto.randomBytes', 'crypto.randomInt'],
  ...['webcrypto.getRandomValues', 'webcrypto.randomUUID'],
]);
const imported = {
  clock: { 'node:perf_hooks': ['performance'], 'node:process': ['hrtime', 'uptime'] },
  timer: {
    'node:timers': ['setTimeout', 'setInterval', 'setImmediate'],
    'node:timers/promises': ['setTimeout', 'setInterval', 'setImmediate', 'scheduler'],
  },
  random: {
    'node:crypto': [
      'randomBytes',
      'randomInt',
      'randomUUID',
      'randomFillSync',
      'randomFill',
      'getRandomValues',
      'webcrypto.getRandomValues',
    ],
  },
} as const;

type Forbidden = Readonly<Record<string, readonly string[]>>;

function* findUses(file: RepositoryFile, calls: ReadonlySet<string>, modules: Forbidden): Generator<Finding> {
  for (const { specifier, names, line } of importsOf(file)) {
    const forbidden = Object.hasOwn(modules, specifier) ? (modules[specifier] ?? []) : [];
    for (const name of names ?? []) {
      if (forbidden.includes(name)) yield { path: file.path, line, message: `${name} of ${specifier}` };
    }
  }
  for (const node of descendants(file.syntax)) {
    const use = ts.isCallExpression(node) || ts.isNewExpression(node) ? useOf(node, calls) : null;
    if (use !== null) yield { path: file.path, line: file.lineOf(node), message: use };
  }
}

function useOf(node: ts.CallExpression | ts.NewExpression, calls: ReadonlySet<string>): string | null {
  const name = dottedName(node.expression)?.replace(/^globalThis\./, '') ?? '';
  if (!calls.has(name)) return null;
  if (!ts.isNewExpression(node)) return `${name}()`;
  // A date made from a given moment reads no clock.
  return (node.arguments?.length ?? 0) === 0 ? `new ${name}()` : null;
}

function* findOutside(
  files: readonly RepositoryFile[],
  owners: readonly string[],
  find: (file: RepositoryFile) => Iterable<Finding>,
): Generator<Finding> {
  for (const file of files) {
    if (!isFree(file) && !owners.includes(file.path)) yield* find(file);
  }
}

export const directClock: Rule = {
  name: 'direct-clock',
  forbids: "Reading the machine's clock outside base's real one.",
  instead: 'take a Clock from @holdfast/base',
  check: ({ sources }) =>
    findOutside(sources, machineFiles.clock, (file) => findUses(file, clockCalls, imported.clock)),
};

/** A test may let everything run that can run now: that waits for a turn of the event loop and for no time. */
const isTurn = (file: RepositoryFile, { message }: Finding): boolean =>
  file.isTest && message.startsWith('setImmediate');

export const directTimer: Rule = {
  name: 'direct-timer',
  forbids:
    "Starting a timer outside base's real ones (a test may wait for a turn of the event loop with setImmediate).",
  instead: 'take Timers from @holdfast/base',
  check: ({ sources }) =>
    findOutside(sources, machineFiles.clock, (file) =>
      [...findUses(file, timerCalls, imported.timer)].filter((finding) => !isTurn(file, finding)),
    ),
};

export const directRandom: Rule = {
  name: 'direct-random',
  forbids: "Drawing randomness outside base's real source.",
  instead: 'take a Random from @holdfast/base',
  check: ({ sources }) =>
    findOutside(sources, machineFiles.random, (file) => findUses(file, randomCalls, imported.random)),
};

export const machineRules: readonly Rule[] = [directClock, directTimer, directRandom];
