// What the CSI controller service can be told. It imports nothing of what it configures.
import { commonFields } from '../config/common.ts';
import type { ConfigSchema } from '../config/config.ts';
import { socketPath, tcpAddressOrOff } from '../config/fields.ts';

export const csiControllerFields = {
  endpoint: socketPath({
    description: 'the unix socket at which the sidecars find the service',
    default: '/csi/csi.sock',
  }),
  ...commonFields,
  // The kubelet probes a pod at the pod's own address.
  healthListen: tcpAddressOrOff({
    description: 'where /healthz, /readyz and /metrics are served over plain HTTP',
    default: '0.0.0.0:9808',
  }),
};
export type CsiControllerFields = typeof csiControllerFields;

export const csiControllerConfig: ConfigSchema<CsiControllerFields> = {
  role: 'csi controller',
  fields: csiControllerFields,
};
