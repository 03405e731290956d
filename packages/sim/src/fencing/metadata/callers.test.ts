import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CallerNumbers, callerWindow, CallerWindows, type CommandId } from './callers.ts';
import { accept, refuse } from './command.ts';

test('a command that was given up takes effect before the next one or never', async () => {
  const numbers = new CallerNumbers('n1');
  const [first, second] = [await numbers.take(), await numbers.take()];
  numbers.gaveUp(first);
  const windows = new CallerWindows();
  windows.keep(second, accept());
  expect(windows.answerTo(first)).toBeNull();
  windows.keep(await numbers.take(), accept());
  const installed = new CallerWindows(windows.contents());
  for (const state of [windows, installed]) {
    expect([first, second].map((id) => state.answerTo(id))).toEqual([refuse('given-up'), accept()]);
  }
});

test('a caller has at most a window of commands under way, and waits for the oldest before it leaves one behind', async () => {
  const numbers = new CallerNumbers('n1');
  const ids = await Promise.all(Array.from({ length: callerWindow }, async () => numbers.take()));
  const order: string[] = [];
  const next = numbers.take().then(({ number }) => order.push(`took ${number}`));
  numbers.gaveUp(ids[1] ?? { caller: '', number: 0 });
  await Promise.resolve();
  order.push('answered');
  numbers.answered(ids[0] ?? { caller: '', number: 0 });
  for (const id of ids.slice(2, 3)) numbers.answered(id);
  await next;
  expect(order).toEqual(['answered', `took ${2 + callerWindow}`]);
});

test('nothing that a caller waits for is refused, and it gets its first answer, in whatever order its commands arrive and however often', async () => {
  const steps = fc.array(
    fc.record({ what: fc.constantFrom('take', 'arrive', 'answer', 'give up'), which: fc.nat(99) }),
    {
      maxLength: 200,
    },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (events) => {
      const numbers = new CallerNumbers('n1');
      const windows = new CallerWindows();
      const underWay: CommandId[] = [];
      for (const { what, which } of events) {
        const at = which % Math.max(1, underWay.length);
        const id = underWay[at];
        if (what === 'take') {
          // Who has no room waits; here it is answered first.
          const taken = numbers.take();
          while (underWay.length >= callerWindow || !(await isSettled(taken))) answerFirst(numbers, underWay);
          underWay.push(await taken);
        } else if (id === undefined) continue;
        else if (what === 'arrive') {
          const first = accept({ epoch: id.number });
          expect(windows.answerTo(id) ?? first).toEqual(first);
          windows.keep(id, first);
        } else {
          if (what === 'answer') numbers.answered(id);
          else numbers.gaveUp(id);
          underWay.splice(at, 1);
        }
      }
    }),
    { numRuns: 200 },
  );
});

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  for (let turn = 0; turn < 3; turn++) await Promise.resolve();
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

function answerFirst(numbers: CallerNumbers, underWay: CommandId[]): void {
  const first = underWay.shift();
  if (first !== undefined) numbers.answered(first);
}
