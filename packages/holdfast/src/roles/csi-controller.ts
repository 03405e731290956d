// The CSI controller service, for the sidecars in its pod.
import { controllerHandlers, driverName, identityHandlers, offer, StandingServer } from '@holdfast/csi-driver';
import type { RoleContext } from '../role.ts';
import { version } from '../version.ts';
import type { CsiControllerFields } from './csi-controller-config.ts';

export async function buildCsiController(context: RoleContext<CsiControllerFields>): Promise<void> {
  const { config, log, checks, parts, fail } = context;
  const identityService = identityHandlers({ version: version() });
  const services = await offer({ identityService, controllerService: controllerHandlers() });
  const server = await StandingServer.start({ ...context, path: config.endpoint, services, onLost: fail });
  parts.add('server', async (limitMs) => server.stop(limitMs));
  checks.add('socket', async () => server.check());
  log.info('serving', { address: `unix:${config.endpoint}`, driver: driverName });
}
