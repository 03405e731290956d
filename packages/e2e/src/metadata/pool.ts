// The pool in which loads make their volumes; it needs no device, since nothing is written to them.
import type { Pool } from '@holdfast/rpc';

export const pool: Pool = {
  ...{ name: 'fast', fencing: 'LEASE', tier: 'KERNEL', isBestEffortTakeover: false, drainBoundMs: null },
  ...{ fencesPerHour: 3n, oversubscriptionPercent: 0n, extentBytes: 1_048_576n },
  ...{ totalExtents: 0n, freeExtents: 0n, leasedExtents: 0n, mappedExtents: 0n, quarantinedExtents: 0n },
  ...{ promisedExtents: 0n, isOpen: false, isOpening: false, devices: [] },
};
