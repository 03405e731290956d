import { expect, test } from '@jest/globals';
import { RealTimers } from '@holdfast/base';
import { SeedThread } from '../cli/seed-thread.ts';
import type { PlantedBug } from './planted-bug.ts';
import { plantedBugs } from './planted-bugs.ts';
import { renderPlantedPage, summaryOf } from './planted-page.ts';
import { searchBugs, type Found } from './search.ts';

const timers = new RealTimers();
const seedsMax = 20;
/** Some of each part of the system; `make e2e SUITE=planted` looks for all. */
const quick = [
  'append-before-durable',
  'old-term-committed',
  'batch-not-synced',
  'read-before-applied',
  'ledger-not-in-snapshot',
  'epoch-reused',
];

test(`bugs in the core, the log, the host, the state machine and in fencing are found within ${seedsMax} seeds`, async () => {
  const bugs = plantedBugs.filter(({ name }) => quick.includes(name));
  expect(bugs).toHaveLength(quick.length);
  const found = await searchBugs({ bugs, seedsMax, workers: 2, timers });
  expect(found.filter(({ finding }) => finding === null).map(({ bug }) => bug.name)).toEqual([]);
}, 300_000);

test('a bug that its scenario never loads is no bug that was looked for', async () => {
  const bugs = plantedBugs.slice(0, 1).map((bug) => ({ ...bug, file: 'holdfast/src/main.ts' }));
  const search = searchBugs({ bugs, seedsMax, workers: 1, timers });
  await expect(search).rejects.toThrow(/never loads holdfast\/src\/main\.ts/);
}, 60_000);

test('a run that does not come to its end in time is a finding, and the next one has a thread of its own', async () => {
  const thread = new SeedThread({ timers, bug: null, limitMs: 1 });
  const job = { scenario: 'raft', seed: 1 } as const;
  const answers = [await thread.run(job), await thread.run(job)];
  await thread.stop();
  expect(answers.map(({ result }) => result.finding?.rule)).toEqual(['standstill', 'standstill']);
}, 60_000);

test('the page tells of each bug in how many seeds it was found, or that it was not', () => {
  const bug: PlantedBug = { name: 'a-bug', what: 'it is', scenario: 'raft', file: 'a.ts', text: 'b', replacement: 'c' };
  const found: Found[] = [
    { bug, seeds: 3, finding: { rule: 'F4', text: '', atMs: 0 } },
    { bug, seeds: 2000, finding: null },
  ];
  expect(summaryOf(found)).toBe('1 of 2 found, median 1001.5 seeds, worst 2000');
  const page = renderPlantedPage(found);
  expect(page).toContain('| a-bug | it is | `a.ts` | raft | 3 | F4 |');
  expect(page).toContain('| not in 2000 | - |');
});
