// Who is at the other end of a connection, and the judgement whether to speak with it. Judged again for every call: a
// certificate that was good when the connection began may have ended or been revoked since.
import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { invariant, OpError } from '@holdfast/base';
import type { CallerKind } from './access.ts';
import type { CertificateInfo } from './pki/certificate.ts';
import { readCertificate } from './pki/certificate.ts';
import { findIssuer, type Credentials } from './pki/credentials.ts';
import { formatIdentity, type Identity } from './pki/identity.ts';

/** `local` came over our unix socket; `nobody` showed no certificate that names a holder, and may call nothing. */
export type Caller =
  | { readonly kind: 'local' }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'certificate'; readonly identity: Identity; readonly certificate: CertificateInfo };

/** Where a call comes from. */
export interface Origin {
  readonly caller: Caller;
  /** Why no call from here is answered; null if they are. */
  judge(): OpError | null;
  /** For the log. */
  describe(): string;
}

export const localOrigin: Origin = {
  caller: { kind: 'local' },
  judge: () => null,
  describe: () => 'local',
};

export function mayCall(caller: Caller, allowed: readonly CallerKind[]): boolean {
  if (caller.kind === 'nobody') return false;
  return allowed.includes(caller.kind === 'local' ? 'local' : caller.identity.role);
}

export function describeCaller(caller: Caller): string {
  if (caller.kind !== 'certificate') return caller.kind;
  const { role, name, node } = caller.identity;
  return [role, name, ...(node === null ? [] : [node])].join('/');
}

/** The certificate that the other end showed, or null if it showed none. */
export function peerCertificate(socket: TLSSocket): CertificateInfo | null {
  const x509 = socket.getPeerX509Certificate();
  return x509 === undefined ? null : readCertificate(x509);
}

/** Why `certificate` is not to be believed; null if it is. The order tells the reader what is wrong first. */
export function judgeCertificate(
  certificate: CertificateInfo | null,
  credentials: Credentials,
  nowMs: number,
): OpError | null {
  if (certificate === null) return new OpError('CERTIFICATE_MISSING', {});
  const { identity } = certificate;
  if (identity === null) return new OpError('CERTIFICATE_WITHOUT_IDENTITY', { subject: oneLine(certificate.subject) });
  const holder = formatIdentity(identity);
  const { cluster } = credentials.identity;
  if (identity.cluster !== cluster) return new OpError('CERTIFICATE_OF_OTHER_CLUSTER', { holder, cluster });
  if (findIssuer(certificate, credentials.authorities) === null) {
    return new OpError('CERTIFICATE_UNTRUSTED', { holder, reason: "this cluster's authority did not sign it" });
  }
  const age = judgeAge(certificate, holder, nowMs);
  if (age !== null) return age;
  const revocation = credentials.revocations.find(certificate.serial);
  return revocation === null ? null : new OpError('CERTIFICATE_REVOKED', { holder, reason: revocation.reason });
}

/** As connections hold them: each is asked about for as long as its connection lasts. */
const certificates = new WeakMap<Uint8Array, CertificateInfo>();

function certificateIn(der: Uint8Array): CertificateInfo {
  const known = certificates.get(der);
  if (known !== undefined) return known;
  const certificate = readCertificate(new X509Certificate(der));
  certificates.set(der, certificate);
  return certificate;
}

/**
 * Who holds the certificate (DER) that the other end of a connection showed, judged as every caller is: for connections that are
 * not gRPC's. Nobody changes these bytes. Throws why it is not to be believed.
 */
export function holderOf(der: Uint8Array | null, credentials: Credentials, nowMs: number): Identity {
  const certificate = der === null ? null : certificateIn(der);
  const refusal = judgeCertificate(certificate, credentials, nowMs);
  if (refusal !== null) throw refusal;
  const identity = certificate?.identity ?? null;
  invariant(identity !== null, 'a certificate that is believed names its holder');
  return identity;
}

function judgeAge(certificate: CertificateInfo, holder: string, nowMs: number): OpError | null {
  if (nowMs >= certificate.notAfterMs) {
    return new OpError('CERTIFICATE_EXPIRED', { holder, end: new Date(certificate.notAfterMs).toISOString() });
  }
  if (nowMs < certificate.notBeforeMs) {
    return new OpError('CERTIFICATE_NOT_YET_VALID', { holder, start: new Date(certificate.notBeforeMs).toISOString() });
  }
  return null;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
