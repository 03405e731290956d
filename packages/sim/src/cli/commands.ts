// The table of the simulator's commands.
import type { Program } from '@holdfast/cli';
import { minimize } from './minimize.ts';
import { planted } from './planted.ts';
import { replay } from './replay.ts';
import { run } from './run.ts';
import { trace } from './trace.ts';

export const program: Program = {
  name: 'holdfast-sim',
  about: "Holdfast's simulator: a whole cluster on one virtual clock, network and set of disks, from one seed.",
  closing: "'holdfast-sim help COMMAND' explains one; packages/sim/README.md says how to read a finding.",
  commands: [run, replay, minimize, trace, planted],
  roles: [],
};
