import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ProposalLedger } from './proposal-ledger.ts';

test('each command counts once, in whatever order and however often it comes, also across snapshots', () => {
  const command = fc.record({ session: fc.nat(2), sequence: fc.integer({ min: 1, max: 12 }) });
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      let ledger = new ProposalLedger(100);
      const applied = new Set<string>();
      for (const id of commands) {
        const key = `${id.session} ${id.sequence}`;
        expect(ledger.judge(id)).toBe(applied.has(key) ? 'duplicate' : 'first');
        applied.add(key);
        ledger = new ProposalLedger(100, ledger.contents());
      }
    }),
  );
});

test('a command that was lost while a later one was applied is no duplicate when it comes again', () => {
  const ledger = new ProposalLedger(10);
  expect([1, 3, 2, 2].map((sequence) => ledger.judge({ session: 1, sequence }))).toEqual([
    'first',
    'first',
    'first',
    'duplicate',
  ]);
});

test('a session is bounded in how far it runs ahead, and forgotten as a whole', () => {
  const ledger = new ProposalLedger(2);
  expect(ledger.judge({ session: 1, sequence: 3 })).toBe('too-far-ahead');
  expect(ledger.sessions).toBe(0);
  ledger.judge({ session: 1, sequence: 2 });
  expect(ledger.contents()).toEqual([{ session: 1, floor: 0, above: [2] }]);
  ledger.forget(1);
  expect(ledger.contents()).toEqual([]);
});
