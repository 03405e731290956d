// A metadata server: a member of the replicated group with its API, Status and Certificates over mutual TLS, its peers asked
// for theirs, its own certificate renewed while it runs. One without a directory is no member and keeps no state.
import { formatAddress, OpError } from '@holdfast/base';
import {
  Authority,
  certificateFilesIn,
  CertificateKeeper,
  certificatesHandlers,
  createServer,
  FileCertificateStore,
  formatIdentity,
  loadMetadataServices,
  serve,
  statusHandlers,
  type Health,
  type Renew,
} from '@holdfast/rpc';
import { openMember } from './metadata-member.ts';
import type { RoleContext } from '../role.ts';
import { version } from '../version.ts';
import type { MetadataFields } from './metadata-config.ts';
import { PeerWatch } from './peer-watch.ts';

export async function buildMetadata(context: RoleContext<MetadataFields>): Promise<void> {
  const { config, log, metrics, clock, timers, random, parts } = context;
  const files = certificateFilesIn(config.certificates);
  const store = new FileCertificateStore({ ...files, revocations: config.revocations ?? files.revocations });
  const keeper = await CertificateKeeper.open({ store, clock, timers, random, log, metrics });
  parts.add('certificates', async () => keeper.stop());
  checkOwnCertificate(keeper, config.certificates, clock.wallMs());
  const { identity } = keeper.current;

  const authority =
    config.authority === null ? null : await Authority.open({ directory: config.authority, clock, random });
  const services = await loadMetadataServices();
  const peers = new PeerWatch({
    ...context,
    keeper,
    services,
    intervalMs: config.peerInterval.ms,
    timeoutMs: config.peerTimeout.ms,
  });
  keeper.renewWith(authority === null ? peers.renew : renewLocally(authority, keeper, config.certificateLife.ms));

  const member = config.data === null ? null : await openMember(context, config.data, keeper);
  let draining: Health | null = null;
  const server = await createServer({
    ...{ address: formatAddress(config.listen), keeper, log, metrics, clock, timers, random },
    limits: { messageLimitBytes: config.messageLimit.bytes },
    services: [
      serve(
        services.statusService,
        statusHandlers({
          version: version(),
          cluster: identity.cluster,
          node: identity.node,
          clock,
          health: () => draining ?? member?.health() ?? { state: 'SERVING', reason: '' },
          peers: () => peers.seen(),
        }),
      ),
      serve(
        services.certificatesService,
        authority === null ? { renew: null } : certificatesHandlers({ authority, lifeMs: config.certificateLife.ms }),
      ),
      ...(member?.services ?? []),
    ],
  });
  parts.add('server', async (limitMs) => {
    draining = { state: 'DRAINING', reason: 'the process was told to end' };
    await member?.handOver();
    await server.stop(limitMs);
  });
  log.info('serving', { address: server.address, cluster: identity.cluster, name: identity.name });

  await peers.start(config.peers);
  parts.add('peers', async () => peers.stop());
}

/** Judged as every caller will judge it: a server that nobody may speak with does not start. */
function checkOwnCertificate(keeper: CertificateKeeper, directory: string, wallMs: number): void {
  const { identity, certificate } = keeper.current;
  if (identity.role !== 'metadata') {
    throw new OpError('CERTIFICATE_WRONG_ROLE', { directory, found: identity.role, role: 'metadata' });
  }
  if (certificate.notAfterMs <= wallMs) {
    const end = new Date(certificate.notAfterMs).toISOString();
    throw new OpError('CERTIFICATE_EXPIRED', { holder: formatIdentity(identity), end });
  }
}

function renewLocally(authority: Authority, keeper: CertificateKeeper, lifeMs: number): Renew {
  return async (csr) => {
    const { identity, certificate } = keeper.current;
    const signed = await authority.sign(csr, { identity, hosts: certificate.hosts, lifeMs });
    return signed.certificatePem;
  };
}
