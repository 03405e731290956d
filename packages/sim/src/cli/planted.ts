// `holdfast-sim planted`: looks for every planted bug and prints how many seeds each took.
import { writeFileSync } from 'node:fs';
import { OpError } from '@holdfast/base';
import { defineCommand, renderTable } from '@holdfast/cli';
import { foundColumns, renderPlantedPage, summaryOf } from '../planted/planted-page.ts';
import { plantedBugs } from '../planted/planted-bugs.ts';
import { searchBugs, seedsMaxDefault, type Found } from '../planted/search.ts';
import { parseCount, seedMax } from './seeds.ts';
import { bugNamed } from './subject.ts';

export const planted = defineCommand({
  name: 'planted',
  summary: 'look for every planted bug and print how many seeds it took',
  details: [
    'A planted bug is one line made as wrong as it once was in some real system, where Node loads it.',
    'One that is not found is a blind spot of the simulator; it exits with 70 then.',
  ],
  flags: {
    name: { value: 'BUG', summary: 'only this one', unit: null, default: null },
    seeds: { value: 'N', summary: 'give a bug up after so many seeds', unit: null, default: String(seedsMaxDefault) },
    workers: { value: 'N', summary: 'bugs that are looked for at a time', unit: null, default: '2' },
    out: { value: 'FILE', summary: 'write the table as a page, too', unit: null, default: null },
  },
  async run({ flags, system }) {
    const seedsMax = parseCount('--seeds', flags.seeds, seedMax);
    const workers = parseCount('--workers', flags.workers, 64);
    const bugs = flags.name === null ? plantedBugs : [bugNamed(flags.name)];
    const onFound = ({ bug, seeds, finding }: Found): void => {
      system.remark(`${bug.name}: ${finding === null ? 'NOT FOUND' : finding.rule} after ${seeds} seeds`);
    };
    const found = await searchBugs({ bugs, seedsMax, workers, timers: system.timers, onFound });
    for (const line of renderTable(foundColumns, found)) system.print(line);
    system.print(summaryOf(found));
    if (flags.out !== null) writeFileSync(flags.out, renderPlantedPage(found));
    const missed = found.filter(({ finding }) => finding === null);
    if (missed.length === 0) return;
    const names = missed.map(({ bug }) => bug.name).join(', ');
    throw new OpError('SIM_BUG_UNFOUND', { count: missed.length, total: found.length, names });
  },
});
