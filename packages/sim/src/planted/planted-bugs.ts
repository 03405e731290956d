// All planted bugs. `holdfast-sim planted` looks for each of them.
import { fencingBugs } from './fencing-bugs.ts';
import { fencingLessons } from './fencing-lessons.ts';
import { hostBugs } from './host-bugs.ts';
import type { PlantedBug } from './planted-bug.ts';
import { raftBugs } from './raft-bugs.ts';
import { raftLogBugs } from './raft-log-bugs.ts';
import { serviceBugs } from './service-bugs.ts';

export const plantedBugs: readonly PlantedBug[] = [
  ...raftBugs,
  ...raftLogBugs,
  ...hostBugs,
  ...fencingBugs,
  ...fencingLessons,
  ...serviceBugs,
];
