// Identity: who the driver is. Both sockets answer it alike.
import type { Handlers, csi } from '@holdfast/rpc';
import type { CsiServices } from './offer.ts';
import { pluginCapabilities } from './capabilities.ts';

/** The driver's name in Kubernetes: of the CSIDriver object, of its socket's folder, of every PersistentVolume. */
export const driverName = 'csi.holdfast.dev';

export interface DriverFacts {
  /** The release. */
  readonly version: string;
}

export function identityHandlers({ version }: DriverFacts): Handlers<CsiServices['identityService']> {
  return {
    getPluginInfo: async (): Promise<csi.GetPluginInfoResponse> => ({
      name: driverName,
      vendorVersion: version,
      manifest: {},
    }),
    getPluginCapabilities: async () => ({ capabilities: pluginCapabilities() }),
    // Whoever answers is alive, and no device is asked: a probe that waits for a dead disk would have the pod killed that
    // other volumes depend on. What is wrong with the process stands in /readyz.
    probe: async () => ({ ready: true }),
  };
}
