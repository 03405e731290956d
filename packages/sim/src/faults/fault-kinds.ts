// Every kind of fault that any world knows, whatever runs in it.
import { clockFaults } from './clock-faults.ts';
import { diskFaults } from './disk-faults.ts';
import type { FaultKind } from './fault-kind.ts';
import { networkFaults } from './network-faults.ts';
import { processFaults } from './process-faults.ts';

export const faultKinds: Readonly<Record<string, FaultKind>> = {
  ...clockFaults,
  ...diskFaults,
  ...networkFaults,
  ...processFaults,
};
