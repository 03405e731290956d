// A plan in a file: a seed with the faults and operations that are left of those that it draws. `minimize` writes it, `replay`
// and `trace` take it. Version 1 is all there is; a file of another one is refused, since its words would mean something else.
import { readFileSync } from 'node:fs';
import { isOpError, messageOf, OpError } from '@holdfast/base';
import { scenarioNames, type ScenarioName } from '../planted/planted-bug.ts';
import type { Fault, Finding, Operation } from '../world/scenario.ts';

const version = 1;

export interface PlanFile {
  readonly scenario: ScenarioName;
  readonly seed: number;
  /** The name of the bug that was planted; null for none. */
  readonly planted: string | null;
  readonly finding: Finding;
  readonly faults: readonly Fault[];
  readonly operations: readonly Operation[];
}

export function formatPlan(plan: PlanFile): string {
  return `${JSON.stringify({ version, ...plan }, null, 2)}\n`;
}

export function readPlan(path: string): PlanFile {
  const unusable = (reason: string): OpError => new OpError('SIM_PLAN_UNUSABLE', { path, reason });
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw isOpError(error) ? error : unusable(messageOf(error));
  }
  if (!isRecord(value)) throw unusable('it holds no object');
  if (value['version'] !== version) {
    const other = 'version' in value ? JSON.stringify(value['version']) : 'none';
    throw unusable(`it is of version ${other}, and this simulator reads version ${version}`);
  }
  const problem = problemOf(value);
  if (problem !== null) throw unusable(problem);
  return value as unknown as PlanFile;
}

type Fields = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function problemOf({ scenario, seed, planted, finding, faults, operations }: Fields): string | null {
  if (!scenarioNames.some((name) => name === scenario)) return `its scenario is ${JSON.stringify(scenario)}`;
  if (!Number.isSafeInteger(seed)) return 'its seed is no whole number';
  if (planted !== null && typeof planted !== 'string') return 'what is planted has no name';
  if (!isRecord(finding) || typeof finding['rule'] !== 'string') return 'it says nothing of what was found';
  if (!isListOf(faults, ['kind', 'atMs', 'durationMs', 'target', 'parameters'])) return 'a fault of it is not whole';
  if (!isListOf(operations, ['kind', 'atMs', 'client', 'parameters'])) return 'an operation of it is not whole';
  return null;
}

function isListOf(value: unknown, fields: readonly string[]): boolean {
  return Array.isArray(value) && value.every((item) => isRecord(item) && fields.every((field) => field in item));
}
