// Ways that are cut, slow, clogged or unreliable, between some machines or all. A cut holds up what is under way as TCP would repeat
// it; loss, doubling and overtaking go beyond what TCP does and hold for protocols that bear it, as consensus must.
import { invariant } from '@holdfast/base';
import type { SeededRandom } from '@holdfast/base/internal';
import type { Condition } from '../world/network-conditions.ts';
import {
  drawDurationMs,
  namesOf,
  nothingToEnd,
  numberOf,
  pick,
  pickTarget,
  textOf,
  type Cast,
  type FaultKind,
} from './fault-kind.ts';

/** Some of the machines, each with even odds, and at least one on either side. */
function drawSide(random: SeededRandom, names: readonly string[]): string[] {
  const side = names.filter(() => random.below(2) === 0);
  const one = pick(random, names);
  return side.length === 0 && one !== null ? [one] : side.length === names.length ? side.slice(1) : side;
}

const everybody = (cast: Cast): string[] => [...cast.members, ...cast.clients];

function apart(side: ReadonlySet<string>): Condition {
  return (from, to, link) => {
    if (side.has(from) !== side.has(to)) link.isCut = true;
  };
}

export const networkFaults: Readonly<Record<string, FaultKind>> = {
  cut: {
    what: 'nothing gets from one machine to another one; the way back stays',
    perMinuteMax: 10,
    draw: (random, cast) => ({
      target: pickTarget(random, cast),
      durationMs: drawDurationMs(random, 50, 15_000),
      parameters: { to: pick(random, everybody(cast)) ?? '' },
    }),
    begin: (world, fault, target) => {
      const other = textOf(fault, 'to');
      return world.conditions.add((from, to, link) => {
        if (from === target && to === other) link.isCut = true;
      });
    },
  },
  isolate: {
    what: 'a machine hears nobody, or is heard by nobody, or both',
    perMinuteMax: 6,
    draw: (random, cast) => ({
      target: pickTarget(random, cast),
      durationMs: drawDurationMs(random, 50, 15_000),
      parameters: { direction: pick(random, ['both', 'in', 'out']) ?? 'both' },
    }),
    begin: (world, fault, target) => {
      const direction = textOf(fault, 'direction');
      return world.conditions.add((from, to, link) => {
        if ((to === target && direction !== 'out') || (from === target && direction !== 'in')) link.isCut = true;
      });
    },
  },
  partition: {
    what: 'the machines fall into two parts that do not hear one another',
    perMinuteMax: 5,
    draw: (random, cast) => ({
      target: '',
      durationMs: drawDurationMs(random, 100, 12_000),
      parameters: { side: drawSide(random, everybody(cast)) },
    }),
    begin: (world, fault) => world.conditions.add(apart(new Set(namesOf(fault, 'side')))),
  },
  'leader-in-minority': {
    what: 'whoever leads is cut off with less than half of the members, and with some of the clients',
    perMinuteMax: 5,
    draw: (random, cast) => ({
      target: 'leader',
      durationMs: drawDurationMs(random, 500, 12_000),
      parameters: {
        companions: drawSide(random, cast.members).slice(0, Math.floor((cast.members.length - 1) / 2)),
        clients: drawSide(random, cast.clients),
      },
    }),
    begin: (world, fault, target) => {
      const companions = namesOf(fault, 'companions').filter((name) => name !== target);
      const side = [target, ...companions.slice(1), ...namesOf(fault, 'clients')];
      return world.conditions.add(apart(new Set(side)));
    },
  },
  ring: {
    what: 'each member hears only the one before and the one behind it',
    perMinuteMax: 3,
    draw: (random, cast) => {
      const order = [...cast.members].map((name) => ({ name, at: random.fraction() })).sort((a, b) => a.at - b.at);
      return {
        target: '',
        durationMs: drawDurationMs(random, 500, 10_000),
        parameters: { order: order.map(({ name }) => name) },
      };
    },
    begin: (world, fault) => {
      const order = namesOf(fault, 'order');
      return world.conditions.add((from, to, link) => {
        const [first, second] = [order.indexOf(from), order.indexOf(to)];
        if (first === -1 || second === -1) return;
        const apartBy = Math.abs(first - second);
        if (apartBy !== 1 && apartBy !== order.length - 1) link.isCut = true;
      });
    },
  },
  unreliable: {
    what: 'frames are lost, doubled and overtaken, on all ways or on those of one machine',
    perMinuteMax: 4,
    draw: (random, cast) => ({
      target: random.below(2) === 0 ? '' : pickTarget(random, cast),
      durationMs: drawDurationMs(random, 500, 20_000),
      parameters: {
        lossRate: random.below(2) * random.fraction() * 0.2,
        duplicateRate: random.below(2) * random.fraction() * 0.2,
        reorderRate: random.below(2) * random.fraction() * 0.3,
        breakRate: random.below(2) * random.fraction() * 0.02,
      },
    }),
    begin: (world, fault, target) =>
      world.conditions.add((from, to, link) => {
        if (target !== '' && from !== target && to !== target) return;
        link.lossRate = Math.max(link.lossRate, numberOf(fault, 'lossRate'));
        link.duplicateRate = Math.max(link.duplicateRate, numberOf(fault, 'duplicateRate'));
        link.reorderRate = Math.max(link.reorderRate, numberOf(fault, 'reorderRate'));
        link.breakRate = Math.max(link.breakRate, numberOf(fault, 'breakRate'));
      }),
  },
  slow: {
    what: 'frames take long, some of them very long, on all ways or on those of one machine',
    perMinuteMax: 4,
    draw: (random, cast) => ({
      target: random.below(2) === 0 ? '' : pickTarget(random, cast),
      durationMs: drawDurationMs(random, 500, 15_000),
      parameters: { meanMs: drawDurationMs(random, 2, 400), tailMs: drawDurationMs(random, 50, 5000) },
    }),
    begin: (world, fault, target) =>
      world.conditions.add((from, to, link) => {
        if (target !== '' && from !== target && to !== target) return;
        link.delayMeanMs += numberOf(fault, 'meanMs');
        link.delayMaxMs += numberOf(fault, 'tailMs');
      }),
  },
  clog: {
    what: 'nothing arrives for a while, and then all of it at once',
    perMinuteMax: 8,
    draw: (random, cast) => ({
      target: pickTarget(random, cast),
      durationMs: 0,
      parameters: { to: pick(random, everybody(cast)) ?? '', clogMs: drawDurationMs(random, 50, 4000) },
    }),
    begin: (world, fault, target) => {
      const to = textOf(fault, 'to');
      if (to !== target) world.network.clog(target, to, numberOf(fault, 'clogMs'));
      return nothingToEnd;
    },
  },
  'break-connections': {
    what: 'the connections between two machines break at both ends',
    perMinuteMax: 12,
    draw: (random, cast) => ({
      target: pickTarget(random, cast),
      durationMs: 0,
      parameters: { to: pick(random, everybody(cast)) ?? '' },
    }),
    begin: (world, fault, target) => {
      const to = textOf(fault, 'to');
      invariant(to !== '', 'connections to nobody');
      world.network.breakConnections(target, to);
      return nothingToEnd;
    },
  },
};
