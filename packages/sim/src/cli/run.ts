// `holdfast-sim run`: seed after seed in a few threads, until the range or the time is over.
import { OpError } from '@holdfast/base';
import { defineCommand, type System } from '@holdfast/cli';
import { scenarioNames, type ScenarioName } from '../planted/planted-bug.ts';
import type { SeedResult } from '../world/scenario.ts';
import type { SeedJob } from './seed-job.ts';
import { inParallel, SeedThread } from './seed-thread.ts';
import { parseCount, parseSeeds, seedMax, seedsOf, type SeedRange } from './seeds.ts';
import { findingText, replayCommand } from './subject.ts';

const seedsDefault: SeedRange = { first: 1, last: 500 };
const threadsMax = 64;
const remarkEveryMs = 10_000;
/** Findings that are printed; who has this many wants to mend the first. */
const findingsMax = 100;

export const run = defineCommand({
  name: 'run',
  summary: 'run seeds and print each broken promise',
  details: [
    'Progress goes to standard error; each finding is one line with the command that replays it.',
    'A run whose disks lost what no other has need not come to rest: that is remarked and counted, and is no finding.',
    'It exits with 70 if a promise was broken.',
  ],
  flags: {
    seeds: {
      value: 'A..B',
      summary: 'the seeds, both ends included; without it 1..500, or all until the minutes are over',
      unit: null,
      default: null,
    },
    minutes: { value: 'MINUTES', summary: 'begin no run after this', unit: 'minutes', default: null },
    workers: { value: 'N', summary: 'threads that run seeds', unit: null, default: '2' },
    scenario: {
      value: 'NAME',
      summary: 'what runs in the world',
      unit: null,
      default: 'all',
      choices: [...scenarioNames, 'all'],
    },
  },
  async run({ flags, system }) {
    const workers = parseCount('--workers', flags.workers, threadsMax);
    const limitMs = flags.minutes === null ? Infinity : parseCount('--minutes', flags.minutes, 10_080) * 60_000;
    const range = rangeOf(flags.seeds, flags.minutes !== null);
    const scenarios = scenarioNames.filter((name) => flags.scenario === 'all' || flags.scenario === name);
    const sweep = new Sweep(system, workers);
    await sweep.run(jobsOf(range, scenarios, () => sweep.elapsedMs >= limitMs || sweep.findings >= findingsMax));
    system.print(sweep.summary);
    if (sweep.findings > 0) throw new OpError('SIM_PROMISE_BROKEN', { count: sweep.findings, total: sweep.runs });
  },
});

function rangeOf(text: string | null, isTimed: boolean): SeedRange {
  if (text !== null) return parseSeeds(text);
  return isTimed ? { first: 1, last: seedMax } : seedsDefault;
}

function* jobsOf(range: SeedRange, scenarios: readonly ScenarioName[], isOver: () => boolean): Generator<SeedJob> {
  for (const seed of seedsOf(range)) {
    for (const scenario of scenarios) {
      if (isOver()) return;
      yield { scenario, seed };
    }
  }
}

/** Many runs, and what they came to together. */
class Sweep {
  readonly #system: System;
  readonly #startMs: number;
  readonly #threads: readonly SeedThread[];
  #remarkedMs: number;
  #virtualMs = 0;
  runs = 0;
  findings = 0;
  /** Runs that lost more than the promise covers, and need not have come to rest. */
  excused = 0;

  constructor(system: System, workers: number) {
    this.#system = system;
    this.#startMs = system.clock.monotonicMs();
    this.#remarkedMs = this.#startMs;
    this.#threads = Array.from({ length: workers }, () => new SeedThread({ timers: system.timers, bug: null }));
  }

  get elapsedMs(): number {
    return this.#system.clock.monotonicMs() - this.#startMs;
  }

  get summary(): string {
    const hours = this.#virtualMs / 3_600_000;
    const speed = this.elapsedMs === 0 ? 0 : this.#virtualMs / this.elapsedMs;
    const findings = `${this.findings} ${this.findings === 1 ? 'finding' : 'findings'}`;
    const many = `${this.runs} ${this.runs === 1 ? 'run' : 'runs'}, ${findings}, ${this.excused} beyond the promise`;
    return `${many}: ${hours.toFixed(2)} h of virtual time in ${(this.elapsedMs / 1000).toFixed(0)} s, ${speed.toFixed(0)} × real time by ${this.#threads.length} threads`;
  }

  async run(jobs: Iterable<SeedJob>): Promise<void> {
    try {
      await inParallel(this.#threads.length, jobs, async (job, lane) => {
        const answer = await this.#threads[lane]?.run(job);
        if (answer !== undefined) this.#take(job, answer.result);
      });
    } finally {
      for (const thread of this.#threads) await thread.stop();
    }
  }

  #take(job: SeedJob, { finding, excuse, virtualMs }: SeedResult): void {
    this.runs++;
    this.#virtualMs += virtualMs;
    if (finding !== null) {
      this.findings++;
      const what = `seed ${job.seed} of ${job.scenario}: ${findingText(finding)}`;
      this.#system.print(`${what} (${replayCommand({ job, bug: null })})`);
    }
    if (excuse !== null) {
      this.excused++;
      this.#system.remark(`seed ${job.seed} of ${job.scenario} is beyond the promise: ${excuse}`);
    }
    const nowMs = this.#system.clock.monotonicMs();
    if (nowMs - this.#remarkedMs < remarkEveryMs) return;
    this.#remarkedMs = nowMs;
    this.#system.remark(`seed ${job.seed}: ${this.summary}`);
  }
}
