// `holdfast-sim minimize`: the fewest faults and operations with which a seed still breaks the same promise.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { OpError, type Clock } from '@holdfast/base';
import { defineCommand } from '@holdfast/cli';
import { packagesFolder } from '../planted/load-hook.ts';
import type { Fault, Finding, Operation } from '../world/scenario.ts';
import { formatPlan } from './plan-file.ts';
import { parseCount } from './seeds.ts';
import { shrink } from './shrink.ts';
import { findingText, open, seedParameter, subjectFlags, subjectOf, type OpenSubject } from './subject.ts';

interface Cut {
  readonly faults: readonly Fault[];
  readonly operations: readonly Operation[];
}

export const minimize = defineCommand({
  name: 'minimize',
  summary: 'leave out of a seed whatever its finding does not need',
  details: [
    'Faults and operations go one after another as long as the finding stays one of the same rule.',
    'What is left is written to a file that replay and trace take.',
  ],
  parameters: [seedParameter],
  flags: {
    ...subjectFlags,
    minutes: { value: 'MINUTES', summary: 'stop looking after this', unit: 'minutes', default: '5' },
    out: { value: 'FILE', summary: 'where the plan goes; below build/sim without', unit: null, default: null },
  },
  async run({ flags, parameters, system }) {
    const limitMs = parseCount('--minutes', flags.minutes, 1440) * 60_000;
    const subject = subjectOf(parameters[0] ?? null, flags);
    const { scenario, seed } = subject.job;
    const opened = await open(subject);
    const { finding } = await opened.run();
    if (finding === null) throw new OpError('SIM_PROMISE_KEPT', { seed, scenario });
    const search = new Minimization(opened, finding, { clock: system.clock, limitMs });
    const cut = await search.run();
    const path = flags.out ?? join(packagesFolder, '../build/sim', `${scenario}-${seed}.json`);
    mkdirSync(dirname(path), { recursive: true });
    const planted = subject.bug?.name ?? null;
    writeFileSync(path, formatPlan({ scenario, seed, planted, finding: search.finding, ...cut }));
    const { plan } = opened;
    system.print(
      `${cut.faults.length} of ${plan.faults.length} faults and ${cut.operations.length} of ${plan.operations.length} operations are left after ${search.trials} runs`,
    );
    system.print(`found ${findingText(search.finding)}`);
    system.print(`holdfast-sim replay --plan ${path}`);
  },
});

class Minimization {
  readonly #subject: OpenSubject;
  readonly #clock: Clock;
  readonly #endMs: number;
  /** Of the smallest plan that broke the promise. */
  finding: Finding;
  trials = 0;

  constructor(subject: OpenSubject, finding: Finding, bound: { readonly clock: Clock; readonly limitMs: number }) {
    this.#subject = subject;
    this.#clock = bound.clock;
    this.#endMs = bound.clock.monotonicMs() + bound.limitMs;
    this.finding = finding;
  }

  /** Faults and operations in turns: an operation may be needed only because a fault is there that is not. */
  async run(): Promise<Cut> {
    let cut: Cut = this.#subject.plan;
    cut = await this.#withoutTheRest(cut);
    for (let before = Infinity; sizeOf(cut) < before && !this.#isOver();) {
      before = sizeOf(cut);
      const { operations } = cut;
      const faults = await this.#shrink(cut.faults, (left) => ({ faults: left, operations }));
      cut = { faults, operations: await this.#shrink(operations, (left) => ({ faults, operations: left })) };
    }
    return cut;
  }

  /** What was to come after the finding. */
  async #withoutTheRest(cut: Cut): Promise<Cut> {
    const isBefore = ({ atMs }: { readonly atMs: number }): boolean => atMs <= this.finding.atMs;
    const before = { faults: cut.faults.filter(isBefore), operations: cut.operations.filter(isBefore) };
    return (await this.#fails(before)) ? before : cut;
  }

  async #shrink<Item>(items: readonly Item[], cutTo: (left: readonly Item[]) => Cut): Promise<readonly Item[]> {
    return shrink({ items, fails: async (left) => this.#fails(cutTo(left)), isOver: () => this.#isOver() });
  }

  async #fails({ faults, operations }: Cut): Promise<boolean> {
    this.trials++;
    const { finding } = await this.#subject.run({ faults, operations });
    if (finding?.rule !== this.finding.rule) return false;
    this.finding = finding;
    return true;
  }

  #isOver(): boolean {
    return this.#clock.monotonicMs() > this.#endMs;
  }
}

function sizeOf({ faults, operations }: Cut): number {
  return faults.length + operations.length;
}
