// The internal door of base: what the other packages' tests and the simulator need, and nobody else.
export { SeededRandom } from './seeded-random.ts';
export { VirtualNode, type VirtualNodeOptions } from './virtual-node.ts';
export { LivelockError, VirtualTime, type VirtualTimeOptions } from './virtual-time.ts';
