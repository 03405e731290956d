// The CSI node service of one node, for the kubelet, and its registration there.
import {
  driverName,
  identityHandlers,
  nodeHandlers,
  offer,
  readBootId,
  Registration,
  StandingServer,
} from '@holdfast/csi-driver';
import type { RoleContext } from '../role.ts';
import { version } from '../version.ts';
import type { CsiNodeFields } from './csi-node-config.ts';

export async function buildCsiNode(context: RoleContext<CsiNodeFields>): Promise<void> {
  const { config, log, checks, parts, fail } = context;
  const bootId = await readBootId(config.bootIdFile);
  const identityService = identityHandlers({ version: version() });
  const services = await offer({ identityService, nodeService: nodeHandlers(config) });
  const server = await StandingServer.start({ ...context, path: config.endpoint, services, onLost: fail });
  parts.add('server', async (limitMs) => server.stop(limitMs));
  checks.add('socket', async () => server.check());

  // Stopped before the server: the kubelet forgets the driver, and the calls that it has made meanwhile still end well.
  const registration = await Registration.start({
    ...context,
    directory: config.registrationDir,
    endpoint: config.kubeletEndpoint,
    onLost: fail,
  });
  parts.add('registration', async (limitMs) => registration.stop(limitMs));
  checks.add('registration', async () => registration.check());
  log.info('serving', { address: `unix:${config.endpoint}`, driver: driverName, boot_id: bootId });
}
