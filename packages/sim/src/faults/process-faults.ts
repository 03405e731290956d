// Processes that stand still or die, at an instant between two of their calls or in the middle of one to the disk; machines that lose
// their power, or that their hypervisor suspends.
import { drawDurationMs, numberOf, nothingToEnd, pickTarget, textOf, type FaultKind } from './fault-kind.ts';

const moments = ['before', 'during', 'after'] as const;

export const processFaults: Readonly<Record<string, FaultKind>> = {
  stop: {
    what: 'a process stands still while its clocks go on (SIGSTOP, a starved machine)',
    perMinuteMax: 6,
    draw: (random, cast) => ({
      target: pickTarget(random, cast),
      durationMs: drawDurationMs(random, 20, 10_000),
      parameters: {},
    }),
    begin: (world, _fault, target) => pause(world.machine(target), 'stopped'),
  },
  suspend: {
    what: 'a machine stands still, and its monotonic clock with it (a hypervisor)',
    perMinuteMax: 4,
    draw: (random, cast) => ({
      target: pickTarget(random, cast),
      durationMs: drawDurationMs(random, 20, 10_000),
      parameters: {},
    }),
    begin: (world, _fault, target) => pause(world.machine(target), 'suspended'),
  },
  kill: {
    what: 'a process is killed (SIGKILL); its supervisor starts another',
    perMinuteMax: 8,
    draw: (random, cast) => ({ target: pickTarget(random, cast), durationMs: 0, parameters: {} }),
    begin: (world, _fault, target) => {
      world.machine(target).kill();
      return nothingToEnd;
    },
  },
  'power-loss': {
    what: 'a machine loses its power, and of its disk what was not synced',
    perMinuteMax: 5,
    draw: (random, cast) => ({
      target: pickTarget(random, cast),
      durationMs: 0,
      parameters: { offMs: drawDurationMs(random, 100, 10_000) },
    }),
    begin: (world, fault, target) => {
      world.machine(target).cutPower(numberOf(fault, 'offMs'));
      return nothingToEnd;
    },
  },
  'power-loss-everywhere': {
    what: 'all members lose their power at once',
    perMinuteMax: 1,
    draw: (random, cast) => ({
      target: '',
      durationMs: 0,
      parameters: { members: [...cast.members], offMs: drawDurationMs(random, 100, 4000) },
    }),
    begin: (world, fault) => {
      for (const [name, machine] of world.machines) {
        if ((fault.parameters['members'] as readonly string[]).includes(name))
          machine.cutPower(numberOf(fault, 'offMs'));
      }
      return nothingToEnd;
    },
  },
  'crash-at-call': {
    what: 'a process dies before, during or after one of its next calls to the disk; perhaps its machine with it',
    perMinuteMax: 12,
    draw: (random, cast) => ({
      target: pickTarget(random, cast),
      durationMs: 0,
      parameters: {
        calls: 1 + random.below(random.below(2) === 0 ? 10 : 200),
        moment: moments[random.below(moments.length)] ?? 'during',
        crash: random.below(2) === 0 ? 'process' : 'power',
      },
    }),
    begin: (world, fault, target) => {
      const moment = moments.find((each) => each === textOf(fault, 'moment')) ?? 'during';
      const crash = textOf(fault, 'crash') === 'power' ? 'power' : 'process';
      world.machine(target).crashAt(numberOf(fault, 'calls'), moment, crash);
      return nothingToEnd;
    },
  },
};

interface Pausable {
  readonly node: { readonly isPaused: boolean };
  pause(kind: 'stopped' | 'suspended'): void;
  resume(): void;
}

/** A machine that is paused already stays with the fault that paused it. */
function pause(machine: Pausable, kind: 'stopped' | 'suspended'): () => void {
  if (machine.node.isPaused) return nothingToEnd;
  machine.pause(kind);
  return () => machine.resume();
}
