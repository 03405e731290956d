import { expect, test } from '@jest/globals';
import { SeededRandom } from '@holdfast/base/internal';
import { Chaos } from './chaos.ts';

const seeds = 20;
const steps = 2_500;
const ticksMax = 400;

test.each(Array.from({ length: seeds }, (_, seed) => seed))(
  'cluster %i keeps every promise while everything goes wrong, and comes to rest when it is mended',
  (seed) => {
    const chaos = new Chaos(new SeededRandom(`chaos-${seed}`));
    chaos.run(steps);
    expect(chaos.heal(ticksMax)).toBeLessThan(ticksMax);
    expect(chaos.judge.elections).toBeGreaterThan(0);
  },
);

test('over all seeds members are elected again and again, and reads are answered', () => {
  let elections = 0;
  let reads = 0;
  for (let seed = 0; seed < 5; seed++) {
    const chaos = new Chaos(new SeededRandom(`busy-${seed}`));
    chaos.run(steps);
    elections += chaos.judge.elections;
    reads += chaos.judge.readsAnswered;
  }
  expect(elections).toBeGreaterThan(10);
  expect(reads).toBeGreaterThan(50);
});
