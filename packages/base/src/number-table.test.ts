import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NumberTable } from './number-table.ts';

interface Thing {
  readonly made: number;
}

/** Few enough to meet again, and far enough apart to be more than 32 bits. */
const key = fc.oneof(
  fc.nat(40),
  fc.nat(40).map((low) => low + 2 ** 52),
  fc.nat(40).map((low) => low * 2 ** 32),
);
const action = fc.record({ kind: fc.constantFrom('set', 'set', 'take', 'clear'), first: key, second: fc.nat(2) });

test('a table holds what a map of the same would, whatever was set and taken', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const table = new NumberTable<Thing>();
      const model = new Map<string, Thing>();
      for (const [made, { kind, first, second }] of actions.entries()) {
        const name = `${first}/${second}`;
        // To clear it each time would leave nothing to find.
        if (kind === 'clear' && made % 16 === 0) {
          table.clear();
          model.clear();
        } else if (kind === 'set') {
          table.set({ made }, first, second);
          model.set(name, { made });
        } else {
          expect(table.take(first, second)).toEqual(model.get(name) ?? null);
          model.delete(name);
        }
        expect(table.size).toBe(model.size);
      }
      const keys = table.keysWhere(() => true);
      expect(keys.map(([first, second]) => `${first}/${second}`).sort()).toEqual([...model.keys()].sort());
      for (const [first, second] of keys) expect(table.get(first, second)).toEqual(model.get(`${first}/${second}`));
      const made = (things: Iterable<Thing>): number[] =>
        [...things].map((thing) => thing.made).sort((one, other) => one - other);
      expect(made(table.values())).toEqual(made(model.values()));
    }),
    { numRuns: 500 },
  );
});

test('what is taken in another order than it came is found meanwhile', () => {
  const table = new NumberTable<Thing>();
  for (let at = 0; at < 5_000; at++) table.set({ made: at }, 7, at);
  for (let at = 4_999; at >= 0; at -= 2) expect(table.take(7, at)).toEqual({ made: at });
  for (let at = 0; at < 5_000; at += 2) expect(table.get(7, at)).toEqual({ made: at });
  expect(table.keysWhere(({ made }) => made < 4)).toHaveLength(2);
  expect([table.size, table.has(7, 1), table.has(8, 2)]).toEqual([2_500, false, false]);
});
