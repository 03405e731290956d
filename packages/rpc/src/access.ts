// The access table: who may call which method. A method without a row does not compile, and a server does not start with it;
// the test beside this file calls every method as every role over real connections.
import type { MethodPath } from './generated/services.ts';
import { roles, type Role } from './pki/identity.ts';

/** A role of a certificate, or `local`: a process that may open our unix socket, which is ours alone (0600). */
export type CallerKind = Role | 'local';
export const callerKinds: readonly CallerKind[] = [...roles, 'local'];

/** By the path of a method. */
export type AccessTable = Readonly<Record<string, readonly CallerKind[]>>;

const everybody: readonly CallerKind[] = callerKinds;
/** Whoever has a certificate may have it renewed; a caller without one has none to renew. */
const everyHolder: readonly CallerKind[] = roles;
/** Whoever decides about the cluster. */
const rulers: readonly CallerKind[] = ['admin', 'operator'];
/** Whoever makes and deletes volumes. */
const keepers: readonly CallerKind[] = ['admin', 'operator', 'csi'];
/** Whoever changes something needs a session for it. */
const changers: readonly CallerKind[] = ['metadata', 'admin', 'operator', 'csi'];
/** Kubernetes' own processes on this machine: they speak over our unix sockets and know no certificates. */
const thisMachine: readonly CallerKind[] = ['local'];

export const accessTable = {
  '/csi.v1.Controller/ControllerExpandVolume': thisMachine,
  '/csi.v1.Controller/ControllerGetCapabilities': thisMachine,
  '/csi.v1.Controller/ControllerGetVolume': thisMachine,
  '/csi.v1.Controller/ControllerGetVolumeHealth': thisMachine,
  '/csi.v1.Controller/ControllerListVolumeHealth': thisMachine,
  '/csi.v1.Controller/ControllerModifyVolume': thisMachine,
  '/csi.v1.Controller/ControllerPublishVolume': thisMachine,
  '/csi.v1.Controller/ControllerUnpublishVolume': thisMachine,
  '/csi.v1.Controller/CreateSnapshot': thisMachine,
  '/csi.v1.Controller/CreateVolume': thisMachine,
  '/csi.v1.Controller/DeleteSnapshot': thisMachine,
  '/csi.v1.Controller/DeleteVolume': thisMachine,
  '/csi.v1.Controller/GetCapacity': thisMachine,
  '/csi.v1.Controller/GetSnapshot': thisMachine,
  '/csi.v1.Controller/ListSnapshots': thisMachine,
  '/csi.v1.Controller/ListVolumes': thisMachine,
  '/csi.v1.Controller/ValidateVolumeCapabilities': thisMachine,
  '/csi.v1.GroupController/CreateVolumeGroupSnapshot': thisMachine,
  '/csi.v1.GroupController/DeleteVolumeGroupSnapshot': thisMachine,
  '/csi.v1.GroupController/GetVolumeGroupSnapshot': thisMachine,
  '/csi.v1.GroupController/GroupControllerGetCapabilities': thisMachine,
  '/csi.v1.Identity/GetPluginCapabilities': thisMachine,
  '/csi.v1.Identity/GetPluginInfo': thisMachine,
  '/csi.v1.Identity/Probe': thisMachine,
  '/csi.v1.Node/NodeExpandVolume': thisMachine,
  '/csi.v1.Node/NodeGetCapabilities': thisMachine,
  '/csi.v1.Node/NodeGetInfo': thisMachine,
  '/csi.v1.Node/NodeGetStorageHealth': thisMachine,
  '/csi.v1.Node/NodeGetVolumeHealth': thisMachine,
  '/csi.v1.Node/NodeGetVolumeStats': thisMachine,
  '/csi.v1.Node/NodePublishVolume': thisMachine,
  '/csi.v1.Node/NodeStageVolume': thisMachine,
  '/csi.v1.Node/NodeUnpublishVolume': thisMachine,
  '/csi.v1.Node/NodeUnstageVolume': thisMachine,
  '/csi.v1.SnapshotMetadata/GetMetadataAllocated': thisMachine,
  '/csi.v1.SnapshotMetadata/GetMetadataDelta': thisMachine,
  '/holdfast.metadata.v1.Attachments/Publish': keepers,
  '/holdfast.metadata.v1.Attachments/Unpublish': keepers,
  '/holdfast.metadata.v1.Audit/List': rulers,
  '/holdfast.metadata.v1.Certificates/Renew': everyHolder,
  '/holdfast.metadata.v1.Changes/Watch': everyHolder,
  '/holdfast.metadata.v1.Cluster/Backup': rulers,
  '/holdfast.metadata.v1.Cluster/Describe': everyHolder,
  '/holdfast.metadata.v1.Cluster/Finalize': rulers,
  '/holdfast.metadata.v1.Cluster/Hash': rulers,
  '/holdfast.metadata.v1.Cluster/Invite': rulers,
  '/holdfast.metadata.v1.Cluster/Join': ['metadata'],
  '/holdfast.metadata.v1.Cluster/OpenClient': changers,
  '/holdfast.metadata.v1.Cluster/Promote': rulers,
  '/holdfast.metadata.v1.Cluster/Remove': rulers,
  '/holdfast.metadata.v1.Cluster/Transfer': rulers,
  '/holdfast.metadata.v1.Nodes/ClearTaint': ['operator'],
  '/holdfast.metadata.v1.Nodes/Forget': rulers,
  '/holdfast.metadata.v1.Nodes/List': everyHolder,
  '/holdfast.metadata.v1.Nodes/OverrideSession': ['admin'],
  '/holdfast.metadata.v1.Nodes/SetTaint': ['operator'],
  '/holdfast.metadata.v1.Nodes/StateOff': rulers,
  '/holdfast.metadata.v1.Operations/Begin': keepers,
  '/holdfast.metadata.v1.Operations/End': keepers,
  '/holdfast.metadata.v1.Operations/List': keepers,
  '/holdfast.metadata.v1.Pools/AddDevice': rulers,
  '/holdfast.metadata.v1.Pools/Create': rulers,
  '/holdfast.metadata.v1.Pools/Get': everyHolder,
  '/holdfast.metadata.v1.Pools/List': everyHolder,
  '/holdfast.metadata.v1.Pools/Open': rulers,
  '/holdfast.metadata.v1.Pools/SetLimits': rulers,
  '/holdfast.metadata.v1.Settings/List': everyHolder,
  '/holdfast.metadata.v1.Settings/Set': rulers,
  '/holdfast.metadata.v1.Snapshots/Create': keepers,
  '/holdfast.metadata.v1.Snapshots/CreateGroup': keepers,
  '/holdfast.metadata.v1.Snapshots/Delete': keepers,
  '/holdfast.metadata.v1.Snapshots/DeleteGroup': keepers,
  '/holdfast.metadata.v1.Snapshots/Get': everyHolder,
  '/holdfast.metadata.v1.Snapshots/GetGroup': everyHolder,
  '/holdfast.metadata.v1.Snapshots/List': everyHolder,
  '/holdfast.metadata.v1.Status/Get': everybody,
  '/holdfast.metadata.v1.Volumes/Clone': keepers,
  '/holdfast.metadata.v1.Volumes/Create': keepers,
  '/holdfast.metadata.v1.Volumes/Delete': keepers,
  '/holdfast.metadata.v1.Volumes/Expand': keepers,
  '/holdfast.metadata.v1.Volumes/Get': everyHolder,
  '/holdfast.metadata.v1.Volumes/List': everyHolder,
  '/holdfast.metadata.v1.Volumes/Modify': keepers,
  '/holdfast.sessions.v1.Maps/Compare': keepers,
  '/holdfast.sessions.v1.Maps/Read': ['admin', 'operator', 'agent'],
  '/holdfast.sessions.v1.Sessions/Connect': ['agent'],
  '/pluginregistration.Registration/GetInfo': thisMachine,
  '/pluginregistration.Registration/NotifyRegistrationStatus': thisMachine,
} as const satisfies Record<MethodPath, readonly CallerKind[]>;
