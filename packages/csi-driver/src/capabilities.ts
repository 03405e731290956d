// The capabilities table: what the driver says that it can do, and which methods stand behind each word. The answers of the
// three GetCapabilities methods and the handlers that a socket offers are derived from it, so a capability cannot be declared
// without its methods, nor a method be answered that nothing declares.
import type { csi, MethodPath } from '@holdfast/rpc';

/** A method of CSI, as `Controller/CreateVolume`. */
export type CsiMethod = MethodPath extends infer Path ? (Path extends `/csi.v1.${infer Name}` ? Name : never) : never;

export type CapabilityRow = { readonly methods: readonly CsiMethod[] } & (
  | { readonly scope: 'plugin'; readonly type: csi.PluginCapabilityServiceType & string }
  | { readonly scope: 'controller'; readonly type: csi.ControllerServiceCapabilityRPCType & string }
  | { readonly scope: 'node'; readonly type: csi.NodeServiceCapabilityRPCType & string }
);

/** What a plugin answers whatever it declares. CSI also asks for NodePublishVolume and its reverse, which need a volume. */
export const undeclaredMethods: readonly CsiMethod[] = [
  'Identity/GetPluginCapabilities',
  'Identity/GetPluginInfo',
  'Identity/Probe',
  'Node/NodeGetCapabilities',
  'Node/NodeGetInfo',
];

export const capabilityTable: readonly CapabilityRow[] = [
  {
    scope: 'plugin',
    type: 'CONTROLLER_SERVICE',
    methods: ['Controller/ControllerGetCapabilities', 'Controller/ValidateVolumeCapabilities'],
  },
  {
    scope: 'controller',
    type: 'CREATE_DELETE_VOLUME',
    methods: ['Controller/CreateVolume', 'Controller/DeleteVolume'],
  },
];

export const offeredMethods: ReadonlySet<CsiMethod> = new Set([
  ...undeclaredMethods,
  ...capabilityTable.flatMap(({ methods }) => methods),
]);

export function pluginCapabilities(): csi.PluginCapability[] {
  return capabilityTable.flatMap((row) =>
    row.scope === 'plugin' ? [{ type: { kind: 'service', value: { type: row.type } } }] : [],
  );
}

export function controllerCapabilities(): csi.ControllerServiceCapability[] {
  return capabilityTable.flatMap((row) =>
    row.scope === 'controller' ? [{ type: { kind: 'rpc', value: { type: row.type } } }] : [],
  );
}

export function nodeCapabilities(): csi.NodeServiceCapability[] {
  return capabilityTable.flatMap((row) =>
    row.scope === 'node' ? [{ type: { kind: 'rpc', value: { type: row.type } } }] : [],
  );
}
