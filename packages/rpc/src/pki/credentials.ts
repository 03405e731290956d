// Everything that one end of a connection needs to prove who it is and to judge who the other end is, as one value that is
// replaced as a whole: key, certificate, authorities and revocation list that belong together.
import { constants, createPrivateKey, type KeyObject } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { OpError } from '@holdfast/base';
import { parseCertificate, parseCertificates, type CertificateInfo } from './certificate.ts';
import type { StoredCertificates } from './certificate-store.ts';
import { formatIdentity, type Identity } from './identity.ts';
import { parseRevocationList, RevocationList } from './revocation-list.ts';

/** What TLS needs, in PEM. */
export interface TlsOptions extends SecureContextOptions {
  readonly key: string;
  readonly cert: string;
  readonly ca: string[];
}

export interface Credentials {
  readonly identity: Identity;
  readonly certificate: CertificateInfo;
  readonly authorities: readonly CertificateInfo[];
  readonly revocations: RevocationList;
  readonly contextOptions: TlsOptions;
  readonly secureContext: SecureContext;
}

/** Who the holder is, without the list: that is read apart, because a bad list must not keep a good certificate out. */
export type OwnCredentials = Omit<Credentials, 'revocations'>;

export function parseOwnCredentials(stored: StoredCertificates, source: string): OwnCredentials {
  const authorities = parseCertificates(stored.authoritiesPem, `the authorities of ${source}`);
  const certificate = parseCertificate(stored.identityPem, source);
  const refuse = (reason: string): OpError => new OpError('CERTIFICATE_UNREADABLE', { source, reason });
  if (certificate.identity === null) throw refuse('it names no holder');
  if (!certificate.x509.checkPrivateKey(parseKey(stored.identityPem, refuse))) {
    throw refuse('the private key is of another certificate');
  }
  const { cluster } = certificate.identity;
  if (findIssuer(certificate, authorities) === null) {
    const reason = 'none of the authorities beside it signed it';
    throw new OpError('CERTIFICATE_UNTRUSTED', { holder: formatIdentity(certificate.identity), reason });
  }
  if (!authorities.every((authority) => authority.cluster === cluster)) {
    throw refuse('an authority beside it is of another cluster');
  }
  const contextOptions: TlsOptions = {
    key: stored.identityPem,
    cert: stored.identityPem,
    ca: authorities.map((authority) => authority.x509.toString()),
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    // A resumed session would carry a certificate that nobody looks at again.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
  const secureContext = createSecureContext(contextOptions);
  return { identity: certificate.identity, certificate, authorities, contextOptions, secureContext };
}

/** The list of the cluster of `own`; an absent one is empty. */
export function parseOwnRevocations(
  stored: Pick<StoredCertificates, 'revocations'>,
  own: OwnCredentials,
  source: string,
): RevocationList {
  const { cluster } = own.identity;
  if (stored.revocations === null) return RevocationList.empty(cluster);
  const authorityKeys = own.authorities.map((authority) => authority.x509.publicKey);
  return parseRevocationList(stored.revocations, { cluster, authorityKeys, source: `beside ${source}` });
}

/** The authority that signed `certificate`, or null. Authorities sign leaves themselves; there is no chain in between. */
export function findIssuer(
  certificate: CertificateInfo,
  authorities: readonly CertificateInfo[],
): CertificateInfo | null {
  return authorities.find((authority) => hasSigned(authority, certificate)) ?? null;
}

/** By authority and certificate: a signature stays what it is, and a connection's other end is judged each second. */
const signed = new WeakMap<CertificateInfo, WeakMap<CertificateInfo, boolean>>();

function hasSigned(authority: CertificateInfo, certificate: CertificateInfo): boolean {
  let ofAuthority = signed.get(authority);
  if (ofAuthority === undefined) signed.set(authority, (ofAuthority = new WeakMap()));
  const known = ofAuthority.get(certificate);
  if (known !== undefined) return known;
  const isSigned =
    authority.isAuthority &&
    certificate.x509.checkIssued(authority.x509) &&
    certificate.x509.verify(authority.x509.publicKey);
  ofAuthority.set(certificate, isSigned);
  return isSigned;
}

function parseKey(pem: string, refuse: (reason: string) => OpError): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw refuse('it holds no private key');
  }
}
