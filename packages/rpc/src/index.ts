// The public door of rpc. grpc-js is loaded by the first server or client, so that a command that needs neither starts fast.
import type { Channel, Calls, ChannelOptions } from './client/channel.ts';
import type { MetadataClient, MetadataClientOptions } from './client/metadata-client.ts';
import type { ServiceDescriptor } from './codec-method.ts';
import type { RpcServer, ServerOptions } from './server/server.ts';

export type { AnyMethod, MethodFacts, RequestOf, ResponseOf, ServiceDescriptor } from './codec-method.ts';
export {
  methodList,
  loadCsiServices,
  loadMetadataServices,
  loadPluginregistrationServices,
  loadSessionsServices,
} from './generated/services.ts';
export type { MethodPath } from './generated/services.ts';
export type * from './generated/metadata-types.ts';
export type * as csi from './generated/csi-types.ts';
export type * as pluginregistration from './generated/pluginregistration-types.ts';
export type * as sessions from './generated/sessions-types.ts';

export { accessTable, callerKinds, type AccessTable, type CallerKind } from './access.ts';
export { describeCaller, holderOf, type Caller } from './peer.ts';
export { peerTls } from './peer-tls.ts';
export { agentClientLimits, clientLimitDefaults, serverLimitDefaults } from './limits.ts';
export type { ClientLimits, ServerLimits } from './limits.ts';

export { serve, type CallContext, type Handler, type Handlers, type ServedService } from './server/handlers.ts';
export type { RpcServer, ServerOptions } from './server/server.ts';
export type { Calls, Channel, ChannelOptions } from './client/channel.ts';
export type { MetadataClient, MetadataClientOptions } from './client/metadata-client.ts';
export { quietLog } from './quiet-log.ts';
export type { CallOptions } from './client/client-call.ts';

export { Authority, authorityFiles } from './pki/authority.ts';
export type {
  AuthorityOptions,
  IssuedCertificate,
  RegisterEntry,
  SignedCertificate,
  SigningTerms,
} from './pki/authority.ts';
export { CertificateKeeper, type KeeperOptions, type Renew } from './pki/certificate-keeper.ts';
export { certificateFilesIn, FileCertificateStore, writeCertificateFiles } from './pki/certificate-store.ts';
export type { CertificateFiles, CertificateStore, StoredCertificates } from './pki/certificate-store.ts';
export { parseCertificate, parseCertificates, type CertificateInfo } from './pki/certificate.ts';
export { formatIdentity, isRole, parseIdentity, roles, type Identity, type Role } from './pki/identity.ts';
export type { Revocation, RevocationList } from './pki/revocation-list.ts';

export { certificatesHandlers, type CertificatesOptions } from './services/certificates.ts';
export { statusHandlers, type StatusOptions } from './services/status.ts';

/** Starts a server at `options.address`; it listens when the promise resolves. */
export async function createServer(options: ServerOptions): Promise<RpcServer> {
  const { startServer } = await import('./server/server.ts');
  return startServer(options);
}

/** A channel to one server, for any number of services. It connects at the first call. */
export async function createChannel(options: ChannelOptions): Promise<Channel> {
  const { openChannel } = await import('./client/channel.ts');
  return openChannel(options);
}

/** A client of whichever metadata server leads. It connects at the first call. */
export async function createMetadataClient(options: MetadataClientOptions): Promise<MetadataClient> {
  const { MetadataClient: Client } = await import('./client/metadata-client.ts');
  return new Client(options);
}

export interface Client<Service extends ServiceDescriptor> {
  readonly call: Calls<Service>;
  close(): void;
}

/** A channel of its own for one service. */
export async function createClient<Service extends ServiceDescriptor>(
  service: Service,
  options: ChannelOptions,
): Promise<Client<Service>> {
  const channel = await createChannel(options);
  return { call: channel.calls(service), close: () => channel.close() };
}
