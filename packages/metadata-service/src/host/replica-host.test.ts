// Clusters of hosts in a virtual world: what a user of the host is promised, through failures of machines, disks and networks.
import { expect, test } from '@jest/globals';
import { World } from './host-testing.ts';

test('a single member leads at once and answers what it was asked to apply', async () => {
  const world = await World.begin({ founders: 1 });
  expect(await world.propose('first')).toBe(1);
  expect(await world.propose('second')).toBe(2);
  expect(world.machine(1).state.texts).toEqual(['first', 'second']);
});

test('three members elect one leader, and all of them apply the same', async () => {
  const world = await World.begin();
  for (let count = 1; count <= 10; count++) expect(await world.propose(`command ${count}`)).toBe(count);
  await world.converge();
  const [first, ...others] = world.machines.map(({ state }) => state.texts);
  for (const texts of others) expect(texts).toEqual(first);
  expect(first?.length).toBe(10);
});
