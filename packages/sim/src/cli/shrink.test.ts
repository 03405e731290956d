import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { shrink } from './shrink.ts';

const itemsAndNeeds = fc
  .uniqueArray(fc.integer(), { maxLength: 60 })
  .chain((items) => fc.tuple(fc.constant(items), fc.subarray(items)));

test('what is needed stays, in its order, and nothing else does', async () => {
  await fc.assert(
    fc.asyncProperty(itemsAndNeeds, async ([items, needs]) => {
      const fails = async (kept: readonly number[]): Promise<boolean> => needs.every((need) => kept.includes(need));
      expect(await shrink({ items, fails })).toEqual(items.filter((item) => needs.includes(item)));
    }),
  );
});

test('whatever the failure depends on, it goes on failing, and no item of what is left can go alone', async () => {
  const verdicts = fc.func<[string], boolean>(fc.boolean());
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(), { maxLength: 12 }), verdicts, async (items, verdict) => {
      const fails = async (kept: readonly number[]): Promise<boolean> =>
        kept.length === items.length || verdict(kept.join(' '));
      const left = await shrink({ items, fails });
      expect(await fails(left)).toBe(true);
      for (const [at] of left.entries()) expect(await fails(left.toSpliced(at, 1))).toBe(false);
    }),
  );
});

test('one item that matters among a thousand is found in few trials', async () => {
  const items = Array.from({ length: 1000 }, (_, index) => index);
  let trials = 0;
  const fails = async (kept: readonly number[]): Promise<boolean> => {
    trials++;
    return kept.includes(617);
  };
  expect(await shrink({ items, fails })).toEqual([617]);
  expect(trials).toBeLessThan(50);
});

test('when the time is up, what was found so far is the answer', async () => {
  let trials = 0;
  const left = await shrink({ items: [1, 2, 3, 4], fails: async () => true, isOver: () => trials++ === 1 });
  expect(left).toEqual([3, 4]);
});
