// What the CSI node service can be told. It imports nothing of what it configures.
import { commonFields, nodeNameVariable } from '../config/common.ts';
import type { ConfigSchema } from '../config/config.ts';
import { count, nodeName, path, socketPath } from '../config/fields.ts';
import { csiControllerFields } from './csi-controller-config.ts';

export const csiNodeFields = {
  endpoint: socketPath({
    description: 'the unix socket at which the service is served, as this process sees it',
    default: '/csi/csi.sock',
  }),
  kubeletEndpoint: socketPath({
    description: 'the same socket, as the kubelet sees it',
    default: '/var/lib/kubelet/plugins/csi.holdfast.dev/csi.sock',
  }),
  registrationDir: path({
    description: "the kubelet's folder plugins_registry, as this process sees it",
    default: '/registration',
  }),
  maxVolumesPerNode: count(
    { description: 'how many volumes the scheduler may place on this node', default: '200' },
    { least: 1, most: 4096 },
  ),
  bootIdFile: path({
    description: 'where the boot id of this node is read; nodes that share a kernel bring a file each',
    default: '/proc/sys/kernel/random/boot_id',
  }),
  ...commonFields,
  nodeName: nodeName({
    description: 'the name of this node in Kubernetes (spec.nodeName); it stands in every line of the log',
    isRequired: true,
    variable: nodeNameVariable,
  }),
  healthListen: csiControllerFields.healthListen,
};
export type CsiNodeFields = typeof csiNodeFields;

export const csiNodeConfig: ConfigSchema<CsiNodeFields> = { role: 'csi node', fields: csiNodeFields };
