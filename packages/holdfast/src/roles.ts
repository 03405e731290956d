// The table of roles, in the order in which help lists them. A row here makes a role exist.
import { defineRole, type Role } from './role.ts';

export const roles: readonly Role[] = [
  defineRole({
    name: 'metadata',
    summary: 'a metadata server: so far it tells its status and renews certificates',
    details: [
      'Volumes, sessions and the replicated log are not there yet: a metadata server of this release keeps no state of its own.',
      'Every flag is a key of the configuration file and a variable of the environment; a flag wins over both.',
    ],
    schema: async () => (await import('./roles/metadata-config.ts')).metadataConfig,
    load: async () => (await import('./roles/metadata.ts')).buildMetadata,
  }),
];
