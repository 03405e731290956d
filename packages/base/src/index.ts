// The public door of base.
export { invariant, InvariantError, unreachable } from './invariant.ts';
export { errorKinds, errorTable, type ErrorCode, type ErrorKind, type ErrorRow } from './error-table.ts';
export { OpError, toOpError, type ErrorDetails } from './op-error.ts';
export type { Clock, Timer, Timers } from './clock.ts';
export type { Random } from './random.ts';
export { RealRandom } from './real-random.ts';
export { RealClock, RealTimers } from './real-time.ts';
