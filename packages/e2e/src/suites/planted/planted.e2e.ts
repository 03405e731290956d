// The simulator finds every bug that is planted in what it judges: one that it does not find is a blind spot of its faults, its
// workload or its judges.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { RealTimers } from '@holdfast/base';
import { renderTable } from '@holdfast/cli';
import { foundColumns, plantedBugs, searchBugs, seedsMaxDefault, type Found } from '@holdfast/sim';
import { median } from '@holdfast/tooling';
import { artefactsVariable } from '../../suites.ts';

const workers = 2;
const searchLimitMs = 60 * 60_000;
const medianMax = 50;
let found: readonly Found[] = [];

beforeAll(async () => {
  found = await searchBugs({ bugs: plantedBugs, seedsMax: seedsMaxDefault, workers, timers: new RealTimers() });
  const folder = process.env[artefactsVariable];
  if (folder !== undefined)
    writeFileSync(join(folder, 'planted.txt'), `${renderTable(foundColumns, found).join('\n')}\n`);
}, searchLimitMs);

test.each(plantedBugs)('$name is found: $what', ({ name }) => {
  const one = found.find(({ bug }) => bug.name === name);
  expect({ name, rule: one?.finding?.rule }).toEqual({ name, rule: expect.any(String) });
});

test('half of them are found within few seeds', () => {
  expect(median(found.map(({ seeds }) => seeds))).toBeLessThanOrEqual(medianMax);
});
