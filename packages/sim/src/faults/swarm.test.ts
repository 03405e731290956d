import { expect, test } from '@jest/globals';
import { SeededRandom } from '@holdfast/base/internal';
import { toMemberId, votersOnly, type ConfigurationChange } from '@holdfast/raft';
import { raftScenario } from '../workload/raft-scenario.ts';
import { clusterFaults } from '../workload/cluster-faults.ts';
import { drawPlan } from '../world/run-seed.ts';
import type { Plan } from '../world/scenario.ts';
import { drawFragile, isChangeWithinPromise, isWithinPromise, minorityOf } from './fault-atlas.ts';
import { faultKinds } from './fault-kinds.ts';

const seeds = 300;
const plans: Plan[] = Array.from({ length: seeds }, (_, seed) => drawPlan(raftScenario, seed));

test('a plan is plain values, the same for the same seed', () => {
  for (const [seed, plan] of plans.slice(0, 20).entries()) {
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    expect(drawPlan(raftScenario, seed)).toEqual(plan);
  }
});

test('every kind of fault is drawn by some seeds and left out by others', () => {
  for (const kind of [...Object.keys(faultKinds), ...Object.keys(clusterFaults)]) {
    const share = plans.filter(({ faults }) => faults.some((fault) => fault.kind === kind)).length / seeds;
    expect([kind, share > 0.08 && share < 0.65]).toEqual([kind, true]);
  }
});

test('some seeds have no fault at all, and some have hundreds', () => {
  const counts = plans.map(({ faults }) => faults.length).sort((first, second) => first - second);
  expect(counts[0]).toBe(0);
  expect(counts.at(-1)).toBeGreaterThan(50);
});

test('what damages durable data is aimed at fragile members, and those are a minority', () => {
  const damaging = ['rot', 'rotting-disk', 'flipping-reads', 'misdirecting-disk', 'lost-disk'];
  let damages = 0;
  for (const { faults, shape } of plans) {
    const fragile = (shape['fragile'] as readonly number[]).map((member) => `m${member}`);
    expect(fragile.length).toBeLessThanOrEqual(minorityOf(shape['founders'] as number));
    for (const { kind, target } of faults) {
      if (!damaging.includes(kind)) continue;
      damages++;
      expect(fragile).toContain(target);
    }
  }
  expect(damages).toBeGreaterThan(100);
});

test('fragile members are drawn each once', () => {
  for (let seed = 0; seed < 50; seed++) {
    const fragile = drawFragile(new SeededRandom(seed), [1, 2, 3, 4, 5]);
    expect(new Set(fragile).size).toBe(fragile.length);
  }
});

const of = (...voters: number[]): ReturnType<typeof votersOnly> => votersOnly(voters.map(toMemberId));

test.each<{ what: string; voters: number[]; fragile: number[]; answer: boolean }>([
  { what: 'three voters, one of them fragile', voters: [1, 2, 3], fragile: [1], answer: true },
  { what: 'three voters, two of them fragile', voters: [1, 2, 3], fragile: [1, 2], answer: false },
  { what: 'five voters, two of them fragile', voters: [1, 2, 3, 4, 5], fragile: [1, 2], answer: true },
  { what: 'four voters, two of them fragile', voters: [1, 2, 3, 4], fragile: [1, 2], answer: false },
  { what: 'two voters', voters: [1, 2], fragile: [], answer: false },
])('whether the promises hold with $what: $answer', ({ voters, fragile, answer }) => {
  expect(isWithinPromise(of(...voters), new Set(fragile))).toBe(answer);
});

test.each<{ what: string; change: ConfigurationChange; answer: boolean }>([
  {
    what: 'remove one of four of whom one is fragile',
    change: { kind: 'remove', member: toMemberId(4) },
    answer: true,
  },
  { what: 'remove whom nobody knows', change: { kind: 'remove', member: toMemberId(9) }, answer: false },
])('whether the operator may $what: $answer', ({ change, answer }) => {
  expect(isChangeWithinPromise(of(1, 2, 3, 4), [change], new Set([1]))).toBe(answer);
  expect(isChangeWithinPromise(of(1, 2, 3), [change], new Set([1]))).toBe(false);
});
