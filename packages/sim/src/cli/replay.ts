// `holdfast-sim replay`: a seed once more, and with --check in two threads, which must come to the same in every byte.
import { OpError } from '@holdfast/base';
import { defineCommand } from '@holdfast/cli';
import { findingText, open, seedParameter, subjectFlags, subjectOf } from './subject.ts';
import { SeedThread } from './seed-thread.ts';

export const replay = defineCommand({
  name: 'replay',
  summary: 'run one seed again',
  details: ['The digest is of everything that happened in the world: equal digests are equal runs, down to the byte.'],
  parameters: [seedParameter],
  flags: {
    ...subjectFlags,
    check: { value: null, summary: 'run it in a second thread too and compare', unit: null, default: null },
  },
  async run({ flags, parameters, system }) {
    const subject = subjectOf(parameters[0] ?? null, flags);
    const { seed, scenario } = subject.job;
    const opened = await open(subject);
    const result = await opened.run();
    const { virtualMs, steps, digest, finding } = result;
    system.print(
      `seed ${seed} of ${scenario}: ${(virtualMs / 1000).toFixed(1)} s of virtual time, ${steps} steps, digest ${digest}`,
    );
    if (flags.check) {
      const thread = new SeedThread({ timers: system.timers, bug: subject.bug });
      const again = (await thread.run(subject.job)).result;
      await thread.stop();
      if (again.digest !== digest)
        throw new OpError('SIM_REPLAY_DIFFERS', { seed, first: digest, second: again.digest });
      system.print('a second thread came to the same digest');
    }
    if (finding === null) return;
    system.print(`found ${findingText(finding)}`);
    throw new OpError('SIM_PROMISE_BROKEN', { count: 1, total: 1 });
  },
});
