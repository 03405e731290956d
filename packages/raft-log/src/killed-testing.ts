// A process that works on a log of real files until it is done or, at one of its calls to them, dead. It notes each step that was
// acknowledged before it asks for more: kill.test.ts compares that with what is found afterwards.
import { appendFileSync, writeFileSync } from 'node:fs';
import { invariant, RealClock, RealRandom, RealTimers } from '@holdfast/base';
import { InlineExecutor, type JobOutcome } from './executor.ts';
import type { Job } from './job.ts';
import { perform, works, type KillOrder } from './kill-work-testing.ts';
import { KillingFiles } from './killing-files-testing.ts';
import { LogDisk } from './log-disk.ts';
import { RaftLog } from './raft-log.ts';
import { smallLimits } from './testing.ts';

/** More than the awaits between an answer and what its caller does next: who is answered too early notes what is not true yet. */
const headStartTurns = 50;

/** Runs jobs in this thread, but not before everybody else has had a turn. */
class LateExecutor extends InlineExecutor {
  override submit(job: Job, done: (outcome: JobOutcome) => void): void {
    void this.#wait().then(() => super.submit(job, done));
  }

  async #wait(): Promise<void> {
    for (let turn = 0; turn < headStartTurns; turn++) await Promise.resolve();
  }
}

async function run({ directory, work, point, acknowledgedPath, callsPath }: KillOrder): Promise<void> {
  const files = new KillingFiles(point);
  const clock = new RealClock();
  const log = await RaftLog.open({
    ...{ directory, files, clock, executor: new LateExecutor(new LogDisk(files, clock)), limits: smallLimits },
    ...{ timers: new RealTimers(), random: new RealRandom() },
    // Only reads, and would keep the process from ending.
    scrubBytesPerSecond: 1,
  });
  appendFileSync(acknowledgedPath, 'opened\n');
  for (const step of works[work]) {
    await perform(log, step);
    appendFileSync(acknowledgedPath, `${JSON.stringify(step).slice(0, 80)}\n`);
  }
  await log.close();
  writeFileSync(callsPath, JSON.stringify(files.calls));
}

const [order] = process.argv.slice(2);
invariant(order !== undefined, 'usage: killed-testing.ts ORDER');
await run(JSON.parse(order) as KillOrder);
