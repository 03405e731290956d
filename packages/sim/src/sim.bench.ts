// How fast virtual time passes, how long five hundred seeds take, and after how many seeds planted bugs are found.
import { RealClock, RealTimers } from '@holdfast/base';
import { median, type Bench, type Report } from '@holdfast/tooling';
import { inParallel, SeedThread } from './cli/seed-thread.ts';
import type { SeedJob } from './cli/seed-job.ts';
import { plantedBugs } from './planted/planted-bugs.ts';
import { searchBugs, seedsMaxDefault } from './planted/search.ts';

const clock = new RealClock();
const timers = new RealTimers();
const workers = 2;
const speedSeeds = 40;
const manySeeds = 500;

async function virtualMsOf(thread: SeedThread, job: SeedJob): Promise<number> {
  const { finding, virtualMs } = (await thread.run(job)).result;
  if (finding !== null) throw new Error(`seed ${job.seed} of ${job.scenario}: ${finding.rule}: ${finding.text}`);
  return virtualMs;
}

/** One core, the faults that seeds draw, all judges. The first run compiles, and is not counted. */
async function measureSpeed(report: Report): Promise<void> {
  const thread = new SeedThread({ timers, bug: null });
  const ratios: number[] = [];
  for (let seed = 0; seed <= speedSeeds; seed++) {
    const startMs = clock.monotonicMs();
    const virtualMs = await virtualMsOf(thread, { scenario: 'raft', seed });
    if (seed > 0) ratios.push(virtualMs / (clock.monotonicMs() - startMs));
  }
  await thread.stop();
  report.figure('sim-speed-ratio', median(ratios), '× real time', { atLeast: 100 });
}

async function measureMany(report: Report): Promise<void> {
  const threads = Array.from({ length: workers }, () => new SeedThread({ timers, bug: null }));
  const seeds = Array.from({ length: manySeeds }, (_, at) => at + 1);
  const startMs = clock.monotonicMs();
  await inParallel(workers, seeds, async (seed, lane) => {
    const thread = threads[lane];
    if (thread !== undefined) await virtualMsOf(thread, { scenario: 'raft', seed });
  });
  report.figure('sim-500-seeds', (clock.monotonicMs() - startMs) / 1000, 's', { atMost: 180 });
  for (const thread of threads) await thread.stop();
}

async function measurePlanted(report: Report): Promise<void> {
  const found = await searchBugs({ bugs: plantedBugs, seedsMax: seedsMaxDefault, workers, timers });
  const seeds = found.map((one) => one.seeds);
  const missed = found.filter(({ finding }) => finding === null).length;
  report.figure('planted-found', found.length - missed, 'bugs', { atLeast: plantedBugs.length });
  report.figure('planted-median-seeds', median(seeds), 'seeds', { atMost: 50 });
  report.figure('planted-worst-seeds', Math.max(...seeds), 'seeds', { atMost: 2000 });
}

const bench: Bench = {
  name: 'sim',
  async run(report) {
    await measureSpeed(report);
    await measureMany(report);
    await measurePlanted(report);
  },
};
export default bench;
