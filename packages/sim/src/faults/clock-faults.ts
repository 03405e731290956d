// Clocks that run wrong, and clocks that somebody sets. True time and every other machine's clock go on as they were.
import { drawDurationMs, numberOf, nothingToEnd, pickTarget, type FaultKind } from './fault-kind.ts';

const dayMs = 86_400_000;

export const clockFaults: Readonly<Record<string, FaultKind>> = {
  drift: {
    what: "a machine's clocks run fast or slow by up to a tenth",
    perMinuteMax: 3,
    draw: (random, cast) => {
      // Mostly what quartz does; now and then what a broken virtual machine does.
      const rangePpm = random.below(4) === 0 ? 100_000 : 500;
      return {
        target: pickTarget(random, cast),
        durationMs: drawDurationMs(random, 1000, 20_000),
        parameters: { ppm: random.below(2 * rangePpm + 1) - rangePpm },
      };
    },
    begin: (world, fault, target) => {
      const { node } = world.machine(target);
      node.setDriftPpm(numberOf(fault, 'ppm'));
      return () => node.setDriftPpm(0);
    },
  },
  'wall-jump': {
    what: 'somebody sets the wall clock, by up to a day',
    perMinuteMax: 4,
    draw: (random, cast) => ({
      target: pickTarget(random, cast),
      durationMs: 0,
      parameters: { deltaMs: random.below(2 * dayMs) - dayMs },
    }),
    begin: (world, fault, target) => {
      world.machine(target).node.jumpWallMs(numberOf(fault, 'deltaMs'));
      return nothingToEnd;
    },
  },
};
