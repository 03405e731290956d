// The internal door of base: what the other packages' tests and the simulator need, and nobody else.
export { forEachCrash, type CrashOptions, type CrashPoint } from './crash-points.ts';
export { EveryChoice } from './every-choice.ts';
export { freeAddress } from './free-address.ts';
export { SeededRandom } from './seeded-random.ts';
export {
  VirtualCrash,
  VirtualDisk,
  type CrashKind,
  type CrashMoment,
  type VirtualDiskOptions,
} from './virtual-disk.ts';
export { noDiskFaults, type Appointment, type DiskFaultRates } from './virtual-disk-faults.ts';
export { sectorBytes, type VirtualFileContent } from './virtual-file-content.ts';
export { VirtualFiles } from './virtual-files.ts';
export { calmLink, type LinkBehaviour, type VirtualLink } from './virtual-link.ts';
export type { NetworkObserver, SeenFrame } from './virtual-connection.ts';
export { VirtualNetwork, type VirtualNetworkOptions } from './virtual-network.ts';
export { VirtualNode, type VirtualNodeOptions } from './virtual-node.ts';
export { LivelockError, VirtualTime, type VirtualTimeOptions } from './virtual-time.ts';
