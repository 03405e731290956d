// The public door of metadata-service.
export { ReplicaHost } from './host/replica-host.ts';
export { initialise } from './host/initialise.ts';
export { hostSettingsDefault } from './host/host-settings.ts';
export type * from './host/host-options.ts';
export type { SnapshotSource, StateMachine } from './host/state-machine.ts';
export { MetadataMachine, type MetadataOptions } from './state/machine.ts';
export { decodeAnswer, encodeCommand } from './state/command-codec.ts';
export type { Command, CommandKind, CommandOf, ResultOf } from './state/commands.ts';
export { MetadataService, type ServiceOptions } from './service.ts';
export { initialiseFirst, initialiseJoined, prepareHome, readAdmission, refuseExisting } from './member-home.ts';
export { restoreBackup, type Restored, type RestoreOptions } from './restore.ts';
export { verifyBackup, type BackupHead } from './backup-file.ts';
export { knownVersion, schemaSteps, type SchemaStep } from './state/schema.ts';
export type { FirstMembers, HomeOptions, MemberPlace } from './member-home.ts';
export { metadataApi, type MetadataApiOptions } from './api/metadata-api.ts';
