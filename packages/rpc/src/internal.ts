// The internal door of rpc: what the other packages' tests and the simulator need, and nobody else.
export { loopbackHosts, MovableClock, otherCluster, TestCluster, testCluster } from './testing.ts';
export { outcomeOfEmptyCall } from './empty-call.ts';
export { commandsUnderWayMax } from './client/session-numbers.ts';
