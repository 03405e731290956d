// How long a group is without a leader when the one that it has dies, again and again: members that come back must be part of the next
// election at once, and candidates that stand in each other's way must not wait as if a leader might still be there.
import { median } from '@holdfast/tooling';
import { expect, test } from '@jest/globals';
import { group, World } from './host-testing.ts';

const electionMs = 1_000;
const kills = 60;
/** How long the dead one is away: its peers' waits between two attempts to reach it have grown by then. */
const awayMs = 3_000;
/** From when it is back, until the next one is killed. */
const restMs = 300;

async function gapsMs(): Promise<number[]> {
  const world = await World.begin();
  const gaps: number[] = [];
  for (let at = 0; at < kills; at++) {
    const leader = await world.electedLeader();
    leader.crash('process');
    const fromMs = world.time.nowMs;
    await world.until(() => world.leader !== null);
    gaps.push(world.time.nowMs - fromMs);
    await world.time.runFor(awayMs);
    await world.done(leader.start());
    await world.until(() => isWhole(world));
    await world.time.runFor(restMs);
  }
  return gaps;
}

function isWhole(world: World): boolean {
  const followers = world.leader?.up.replica(group).status.followers ?? [];
  return followers.length === 2 && followers.every(({ isActive }) => isActive);
}

test('a dead leader has a successor after 1.6 election timeouts by the median, and after 3 at the worst', async () => {
  const gaps = await gapsMs();
  expect(median(gaps)).toBeLessThanOrEqual(1.6 * electionMs);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(3 * electionMs);
});
