// What a command is about: one seed of one scenario, as the seed draws it or as a plan file leaves it, perhaps with a bug planted.
// Everything that is tested is imported behind `open`, so that a bug can be planted before.
import { OpError } from '@holdfast/base';
import { suggestion, type FlagTable, type FlagValues, type Parameter } from '@holdfast/cli';
import { plant } from '../planted/load-hook.ts';
import { scenarioNames, type PlantedBug, type ScenarioName } from '../planted/planted-bug.ts';
import { plantedBugs } from '../planted/planted-bugs.ts';
import type { Finding, Plan, RunOptions, SeedResult } from '../world/scenario.ts';
import { readPlan } from './plan-file.ts';
import type { SeedJob } from './seed-job.ts';
import { parseSeed } from './seeds.ts';

export const seedParameter: Parameter = {
  name: 'SEED',
  summary: 'the number that decides everything; without one a plan has to be named',
  required: false,
};

export const subjectFlags = {
  scenario: {
    value: 'NAME',
    summary: 'what runs in the world',
    unit: null,
    default: 'raft',
    choices: scenarioNames,
  },
  planted: {
    value: 'BUG',
    summary: "plant this bug first ('holdfast-sim planted' lists them)",
    unit: null,
    default: null,
  },
  plan: { value: 'FILE', summary: 'run the plan of this file, as minimize wrote it', unit: null, default: null },
} as const satisfies FlagTable;

export interface Subject {
  readonly job: SeedJob;
  readonly bug: PlantedBug | null;
}

export function subjectOf(seed: string | null, flags: FlagValues<typeof subjectFlags>): Subject {
  if (flags.plan === null) {
    if (seed === null)
      throw new OpError('ARGUMENT_MISSING', { command: 'this command', argument: 'SEED, or --plan FILE' });
    const bug = flags.planted === null ? null : bugNamed(flags.planted);
    return { job: { scenario: bug?.scenario ?? (flags.scenario as ScenarioName), seed: parseSeed(seed) }, bug };
  }
  if (seed !== null) throw new OpError('FLAG_WRONG', { flag: '--plan', reason: 'names the seed itself' });
  const { planted, scenario, seed: seedOfPlan, faults, operations } = readPlan(flags.plan);
  return { job: { scenario, seed: seedOfPlan, faults, operations }, bug: planted === null ? null : bugNamed(planted) };
}

export function bugNamed(name: string): PlantedBug {
  const bug = plantedBugs.find((known) => known.name === name);
  if (bug !== undefined) return bug;
  const near = suggestion(
    name,
    plantedBugs.map((known) => known.name),
  );
  throw new OpError('FLAG_WRONG', { flag: '--planted', reason: `names no bug: "${name}"${near}` });
}

/** What is known of a seed once everything is loaded. */
export interface OpenSubject {
  /** What the seed draws, or what the file left of it. */
  readonly plan: Plan;
  run(options?: Partial<Omit<RunOptions, 'seed' | 'scenario'>>): Promise<SeedResult>;
}

export async function open({ job, bug }: Subject): Promise<OpenSubject> {
  if (bug !== null) plant(bug);
  const { drawPlan, runScenario } = await import('./scenarios.ts');
  const { scenario, ...options } = job;
  const { faults, operations } = job;
  const drawn = drawPlan(scenario, job.seed);
  return {
    plan: { ...drawn, faults: faults ?? drawn.faults, operations: operations ?? drawn.operations },
    run: async (changes = {}) => runScenario(scenario, { ...options, ...changes }),
  };
}

/** The words that bring a seed back. */
export function replayCommand({ job, bug }: Subject): string {
  const { scenario, seed } = job;
  return `holdfast-sim replay ${seed} ${bug === null ? `--scenario ${scenario}` : `--planted ${bug.name}`}`;
}

export function findingText({ rule, text, atMs }: Finding): string {
  return `${rule} at ${(atMs / 1000).toFixed(3)} s: ${text.split('\n')[0] ?? ''}`;
}
