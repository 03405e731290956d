// The internal door of holdfast: real processes, for the suites.
export { holdfastPath, ProcessCluster, RoleProcess, runHoldfast, type Ended, type ProcessOptions } from './testing.ts';
