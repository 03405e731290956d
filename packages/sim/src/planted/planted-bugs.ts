// All planted bugs. `holdfast-sim planted` looks for each of them.
import type { PlantedBug } from './planted-bug.ts';
import { raftBugs } from './raft-bugs.ts';
import { raftLogBugs } from './raft-log-bugs.ts';

export const plantedBugs: readonly PlantedBug[] = [...raftBugs, ...raftLogBugs];
