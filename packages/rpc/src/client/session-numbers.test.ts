import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { commandsUnderWayMax, SessionNumbers } from './session-numbers.ts';

const action = fc.record({ kind: fc.constantFrom('take', 'take', 'take', 'release', 'give up'), at: fc.nat() });

test('numbers grow, and those under way together lie no further apart than there are answers kept, whatever is given up', () => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 400, maxLength: 1_500 }), (actions) => {
      const numbers = new SessionNumbers();
      const underWay: number[] = [];
      let last = 0;
      for (const { kind, at } of actions) {
        if (kind === 'take') {
          const number = numbers.take();
          const [oldest] = underWay;
          // It is refused for this reason alone.
          if (number === null) expect(last + 1 - (oldest ?? 0)).toBeGreaterThanOrEqual(commandsUnderWayMax);
          else {
            expect(number).toBe(last + 1);
            expect(number - (oldest ?? number)).toBeLessThan(commandsUnderWayMax);
            underWay.push(number);
            last = number;
          }
        } else if (underWay.length > 0) {
          const [number = 0] = underWay.splice(at % underWay.length, 1);
          if (kind === 'give up') {
            expect(numbers.leaveBehind(number)).toBe(number + commandsUnderWayMax);
            last = Math.max(last, number + commandsUnderWayMax - 1);
          }
          const isOldest = underWay.every((other) => other > number);
          expect(numbers.release(number)).toBe(isOldest);
        }
      }
    }),
  );
});

test('as many are under way as there are answers kept, and the oldest holds up the next', () => {
  const numbers = new SessionNumbers();
  for (let at = 1; at <= commandsUnderWayMax; at++) expect(numbers.take()).toBe(at);
  expect([numbers.take(), numbers.release(2), numbers.take()]).toEqual([null, false, null]);
  expect([numbers.release(1), numbers.take(), numbers.take(), numbers.take()]).toEqual([true, 257, 258, null]);
  expect(() => numbers.release(2)).toThrow(/command 2 is not under way/);
});
