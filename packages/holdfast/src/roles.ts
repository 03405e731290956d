// The table of roles, in the order in which help lists them. A row here makes a role exist.
import { defineRole, type Role } from './role.ts';

export const roles: readonly Role[] = [
  defineRole({
    name: 'metadata',
    summary: 'a metadata server: pools, volumes and who may write them, replicated among its members',
    details: [
      'Its directory is made once, by holdfast metadata init for the first server and by holdfast metadata join for each further one.',
      'Every flag is a key of the configuration file and a variable of the environment; a flag wins over both.',
    ],
    schema: async () => (await import('./roles/metadata-config.ts')).metadataConfig,
    load: async () => (await import('./roles/metadata.ts')).buildMetadata,
  }),
  defineRole({
    name: 'csi controller',
    summary:
      'the CSI controller service, which the sidecars call: so far it answers what it can do, and checks requests',
    details: [
      'Every volume is refused with NO_POOL: pools are not there yet.',
      'Every flag is a key of the configuration file and a variable of the environment; a flag wins over both.',
    ],
    schema: async () => (await import('./roles/csi-controller-config.ts')).csiControllerConfig,
    load: async () => (await import('./roles/csi-controller.ts')).buildCsiController,
  }),
  defineRole({
    name: 'csi node',
    summary: 'the CSI node service, registered with the kubelet of its node: so far it says which node this is',
    details: [
      'It registers itself; there is no node-driver-registrar beside it.',
      'Every flag is a key of the configuration file and a variable of the environment; a flag wins over both.',
    ],
    schema: async () => (await import('./roles/csi-node-config.ts')).csiNodeConfig,
    load: async () => (await import('./roles/csi-node.ts')).buildCsiNode,
  }),
];
