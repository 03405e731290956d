import { expect, test } from '@jest/globals';
import { VirtualTime } from '@holdfast/base/internal';
import { OpError } from '@holdfast/base';
import { ClientExpiry, clientLifeMs } from './client-expiry.ts';
import { query } from './state/query.ts';
import { Story } from './state/state-testing.ts';

const clients = query<{ readonly count: number }>('SELECT COUNT(*) AS count FROM clients');

function begin(options: { readonly isLeader: () => boolean; readonly failures?: number }) {
  const time = new VirtualTime({ seed: 1 });
  const { clock, timers } = time.node('leader');
  const story = new Story();
  let failures = options.failures ?? 0;
  const expiry = new ClientExpiry({
    isLeader: options.isLeader,
    database: () => story.machine.database,
    forget: async (command) => {
      if (failures-- > 0) throw new OpError('RAFT_LEADER_CHANGED', {});
      return story.do<'forgetClients'>(command);
    },
    ...{ clock, timers, log: null },
  });
  const open = (count: number): void => {
    for (let at = 0; at < count; at++) story.do<'openClient'>({ kind: 'openClient', atMs: clock.wallMs() });
  };
  const count = (): number => story.machine.database.get(clients)?.count ?? 0;
  return { time, expiry, open, count };
}

test('sessions that nobody repeats a command of are forgotten, however many, and later ones are kept', async () => {
  const { time, expiry, open, count } = begin({ isLeader: () => true });
  open(100);
  await time.runFor(clientLifeMs / 2);
  open(5);
  expect(count()).toBe(105);
  await time.runFor(clientLifeMs / 2 + 180_000);
  expect(count()).toBe(5);
  expiry.stop();
});

test('only who leads forgets, and what failed is done in the next minute', async () => {
  let isLeader = false;
  const { time, expiry, open, count } = begin({ isLeader: () => isLeader, failures: 1 });
  open(3);
  await time.runFor(clientLifeMs + 180_000);
  expect(count()).toBe(3);
  isLeader = true;
  await time.runFor(60_000);
  expect(count()).toBe(3);
  await time.runFor(60_000);
  expect(count()).toBe(0);
  expiry.stop();
  await time.runFor(600_000);
});
