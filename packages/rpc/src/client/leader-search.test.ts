import { expect, test } from '@jest/globals';
import { OpError, RealClock, sleep } from '@holdfast/base';
import type { DescribeResponse } from '../generated/metadata-types.ts';
import { timers } from '../testing.ts';
import { LeaderSearch } from './leader-search.ts';

const said = (role: DescribeResponse['role'], term = 1n): DescribeResponse => ({
  ...{ member: 1n, role, term, leader: 0n, commit: 0n, applied: 0n, first: 0n, last: 0n, snapshot: 0n },
  ...{ version: 1n, generation: 1n, members: [], knownVersion: 1n, release: '', health: null, leadership: null },
});

type Server = () => Promise<DescribeResponse>;
const refused: Server = async () => {
  throw new OpError('SERVER_UNREACHABLE', { address: 'a', reason: 'nobody is there' });
};
const silent: Server = async () => new Promise(() => undefined);

function searchOf(servers: Readonly<Record<string, Server>>): { search: LeaderSearch; asked: string[] } {
  const asked: string[] = [];
  const describe = async (address: string): Promise<DescribeResponse> => {
    asked.push(address);
    return servers[address]?.() ?? refused();
  };
  return { asked, search: new LeaderSearch({ clock: new RealClock(), timers, describe }) };
}

test('the one that leads is found beside one that is gone and one that stands still', async () => {
  const { search } = searchOf({ a: refused, b: silent, c: async () => said('LEADER') });
  expect(await search.find(['a', 'b', 'c'], 'a')).toBe('c');
});

test('it is asked again until somebody leads, once for all who want to know', async () => {
  let isElected = false;
  const { search, asked } = searchOf({ a: refused, b: async () => said(isElected ? 'LEADER' : 'FOLLOWER') });
  const all = Array.from({ length: 100 }, async () => search.find(['a', 'b'], 'a'));
  while (asked.length < 5) await sleep(timers, 1);
  isElected = true;
  expect(new Set(await Promise.all(all))).toEqual(new Set(['b']));
  expect(asked.length).toBeLessThan(100);
});

test('one that comes back and leads is found before those who wait try their luck', async () => {
  let times = 0;
  const back: Server = async () => (++times < 5 ? refused() : said('LEADER'));
  const { search } = searchOf({ a: refused, b: async () => said('FOLLOWER'), back });
  expect(await search.find(['a', 'b', 'back'], 'a')).toBe('back');
});

test('a leader of an earlier term is not believed where a later one was told', async () => {
  let isTold = false;
  const { search } = searchOf({
    old: async () => {
      while (!isTold) await sleep(timers, 1);
      return said('LEADER', 1n);
    },
    voter: async () => {
      isTold = true;
      return said('FOLLOWER', 2n);
    },
    fresh: async () => {
      await sleep(timers, 50);
      return said('LEADER', 2n);
    },
  });
  expect(await search.find(['old', 'voter', 'fresh'], 'x')).toBe('fresh');
});

test('the server that has just failed is believed only when no other one leads', async () => {
  const { search } = searchOf({ a: async () => said('LEADER'), b: async () => said('FOLLOWER') });
  expect(await search.find(['a', 'b'], 'a')).toBe('a');
});

test('where nobody answers nobody is waited for', async () => {
  const { search } = searchOf({ a: refused, b: refused });
  expect(await search.find(['a', 'b'], 'a')).toBeNull();
});
