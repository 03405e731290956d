// The error table's rows for the simulator, which people run from a checkout.
import type { ErrorRow } from './error-table.ts';

export const simErrorRows = {
  SIM_BUG_UNFOUND: {
    kind: 'internal',
    retriable: false,
    text: '{count} of {total} planted bugs were not found: {names}',
    hint: 'The simulator is blind there: its faults, its workload or its judges have to be made sharper.',
  },
  SIM_PLAN_UNUSABLE: {
    kind: 'invalid',
    retriable: false,
    text: '{path} is no plan of this simulator: {reason}',
    hint: "Make a new one with 'holdfast-sim minimize SEED'.",
  },
  SIM_PROMISE_BROKEN: {
    kind: 'internal',
    retriable: false,
    text: '{count} of {total} runs broke a promise',
    hint: "Each finding names the command that replays it; 'holdfast-sim minimize SEED' makes it small.",
  },
  SIM_PROMISE_KEPT: {
    kind: 'precondition',
    retriable: false,
    text: 'seed {seed} of the scenario {scenario} breaks no promise',
    hint: "Only a seed that does can be minimized; 'holdfast-sim run' looks for one.",
  },
  SIM_REPLAY_DIFFERS: {
    kind: 'internal',
    retriable: false,
    text: 'seed {seed} came to {first} and then to {second}',
    hint: 'Something in the run draws on the machine instead of the seed: a clock, an order of promises, a random number.',
  },
  SIM_THREAD_LOST: {
    kind: 'internal',
    retriable: false,
    text: 'the thread that ran seed {seed} of the scenario {scenario} ended: {reason}',
    hint: 'Replay that seed by itself to see where it stands.',
  },
} as const satisfies Record<string, ErrorRow>;
