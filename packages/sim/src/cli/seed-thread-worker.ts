// A thread that runs seeds, one at a time. A bug is planted before anything that it may be in is loaded.
import { parentPort, workerData } from 'node:worker_threads';
import { invariant, messageOf } from '@holdfast/base';
import { plant } from '../planted/load-hook.ts';
import type { SeedResult } from '../world/scenario.ts';
import type { SeedAnswer, SeedJob, ThreadSetup } from './seed-job.ts';

const { bug } = workerData as ThreadSetup;
const planting = bug === null ? { isLoaded: true } : plant(bug);
const { runScenario } = await import('./scenarios.ts');

async function answerTo({ scenario, ...options }: SeedJob): Promise<SeedResult> {
  try {
    return await runScenario(scenario, options);
  } catch (error) {
    // Not a promise that was broken: the simulator itself did not get to an end.
    const text = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    const finding = { rule: 'simulator', text, atMs: 0 };
    return { seed: options.seed, ok: false, finding, excuse: null, virtualMs: 0, steps: 0, digest: '' };
  }
}

const port = parentPort;
invariant(port !== null, 'this file is the entry of a thread');
port.on('message', (job: SeedJob) => {
  void answerTo(job).then((result) => {
    const answer: SeedAnswer = { result, isPlanted: planting.isLoaded };
    port.postMessage(answer);
  });
});
