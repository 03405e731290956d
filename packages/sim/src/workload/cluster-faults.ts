// What the operator of the simulated cluster does while everything goes wrong, and what a stranger says: kinds of faults that only
// this scenario knows.
import type { FaultKind, Cast } from '../faults/fault-kind.ts';
import { drawDurationMs, pick } from '../faults/fault-kind.ts';
import type { SeededRandom } from '@holdfast/base/internal';
import { visitNames } from './stranger.ts';

type ClusterFault = Pick<FaultKind, 'what' | 'perMinuteMax' | 'draw'>;

/** How long the operator keeps trying. */
const patience = (random: SeededRandom): number => drawDurationMs(random, 1000, 10_000);

const memberOf = (random: SeededRandom, cast: Cast): string => pick(random, cast.members) ?? '';

export const clusterFaults: Readonly<Record<string, ClusterFault>> = {
  'add-member': {
    what: 'a new member is added as a learner, and made a voter when it has caught up',
    perMinuteMax: 3,
    draw: (random) => ({ target: '', durationMs: patience(random), parameters: {} }),
  },
  'remove-member': {
    what: 'a member is removed',
    perMinuteMax: 3,
    draw: (random, cast) => ({
      target: random.below(3) === 0 ? 'leader' : memberOf(random, cast),
      durationMs: patience(random),
      parameters: {},
    }),
  },
  'swap-member': {
    what: 'a new member takes the place of one, in a single joint change',
    perMinuteMax: 2,
    draw: (random, cast) => ({
      target: random.below(3) === 0 ? 'leader' : memberOf(random, cast),
      durationMs: patience(random),
      parameters: {},
    }),
  },
  'demote-member': {
    what: 'a voter becomes a learner, and a voter again',
    perMinuteMax: 3,
    draw: (random, cast) => ({ target: memberOf(random, cast), durationMs: patience(random), parameters: {} }),
  },
  transfer: {
    what: 'leadership is handed over',
    perMinuteMax: 8,
    draw: (random, cast) => ({ target: memberOf(random, cast), durationMs: patience(random), parameters: {} }),
  },
  stranger: {
    what: 'somebody says to a member what no member says',
    perMinuteMax: 30,
    draw: (random, cast) => ({
      target: random.below(3) === 0 ? 'leader' : memberOf(random, cast),
      durationMs: 0,
      parameters: { visit: pick(random, visitNames) ?? '' },
    }),
  },
  'lost-disk': {
    what: 'a member finds an empty disk; it is removed, and a new member added',
    perMinuteMax: 1,
    draw: (random, cast) => {
      const target = pick(random, cast.fragile);
      return target === null ? null : { target, durationMs: 0, parameters: {} };
    },
  },
};
