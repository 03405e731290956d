// TLS between members of one kind, which speak their own frames and not gRPC: both ends show the keeper's certificate of the moment,
// and the chain is proved in the handshake. Who the other end is, is judged by whoever uses the connection (`holderOf`): a
// member is known by the name in its certificate, not by the host that it is reached at.
import type { TlsOptionsProvider } from '@holdfast/base';
import type { CertificateKeeper } from './pki/certificate-keeper.ts';

export function peerTls(keeper: CertificateKeeper): TlsOptionsProvider {
  return {
    server: () => ({ ...keeper.current.contextOptions, requestCert: true, rejectUnauthorized: true }),
    client: () => ({ ...keeper.current.contextOptions, checkServerIdentity: () => undefined }),
    onServerChange: (callback) => keeper.onChange(callback),
  };
}
