// Makes X.509 certificates (EC P-256, ECDSA with SHA-256) and reads what they say. Relies on der.ts to write and on OpenSSL,
// through node:crypto, to read and to verify.
import { createHash, createPublicKey, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { invariant, OpError } from '@holdfast/base';
import {
  bitString,
  booleanTrue,
  contextTag,
  element,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts';
import { parseClusterUri, parseIdentity, type Identity } from './identity.ts';

const oids = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectAltName: '2.5.29.17',
  subjectKeyIdentifier: '2.5.29.14',
  authorityKeyIdentifier: '2.5.29.35',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

export interface CertificateTerms {
  /** The serial number in hex, as the register and the revocation list write it. */
  readonly serial: string;
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly uri: string;
  /** DNS names and IP addresses. */
  readonly hosts: readonly string[];
  readonly use: 'authority' | 'server-and-client' | 'client';
}

export interface Issuer {
  readonly subject: string;
  readonly privateKey: KeyObject;
}

/** A certificate of these terms, signed by `issuer`, in DER. */
export function buildCertificate(terms: CertificateTerms, issuer: Issuer): Buffer {
  const body = sequence(
    element(contextTag(0, 'elements'), integer(Buffer.from([2]))),
    integer(Buffer.from(terms.serial, 'hex')),
    signatureAlgorithm,
    distinguishedName(issuer.subject),
    sequence(time(terms.notBeforeMs), time(terms.notAfterMs)),
    distinguishedName(terms.subject),
    terms.publicKey.export({ type: 'spki', format: 'der' }),
    element(contextTag(3, 'elements'), sequence(...extensions(terms, issuer))),
  );
  return signDocument(body, issuer.privateKey);
}

export const signatureAlgorithm = sequence(objectIdentifier(oids.ecdsaWithSha256));

/** `body`, the algorithm and the signature: the outer shape of certificates and of signing requests. */
export function signDocument(body: Buffer, privateKey: KeyObject): Buffer {
  return sequence(body, signatureAlgorithm, bitString(sign('sha256', body, privateKey)));
}

export function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(objectIdentifier(oids.commonName), utf8String(commonName))));
}

function extensions(terms: CertificateTerms, issuer: Issuer): Buffer[] {
  const isAuthority = terms.use === 'authority';
  const purposes = terms.use === 'client' ? [oids.clientAuth] : [oids.serverAuth, oids.clientAuth];
  return [
    // The authority signs leaves only: a path length of zero.
    extension(oids.basicConstraints, isAuthority ? sequence(booleanTrue, integer(Buffer.from([0]))) : sequence(), true),
    // Bits from the left: digitalSignature is 0; keyCertSign and cRLSign are 5 and 6.
    extension(oids.keyUsage, isAuthority ? bitString(Buffer.from([0x06]), 1) : bitString(Buffer.from([0x80]), 7), true),
    ...(isAuthority ? [] : [extension(oids.extendedKeyUsage, sequence(...purposes.map(objectIdentifier)), false)]),
    extension(oids.subjectAltName, sequence(uriName(terms.uri), ...terms.hosts.map(hostName)), false),
    extension(oids.subjectKeyIdentifier, octetString(keyIdentifier(terms.publicKey)), false),
    extension(
      oids.authorityKeyIdentifier,
      sequence(element(contextTag(0, 'bytes'), keyIdentifier(createPublicKey(issuer.privateKey)))),
      false,
    ),
  ];
}

function extension(oid: string, value: Buffer, isCritical: boolean): Buffer {
  return sequence(objectIdentifier(oid), ...(isCritical ? [booleanTrue] : []), octetString(value));
}

function keyIdentifier(publicKey: KeyObject): Buffer {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);
}

function uriName(uri: string): Buffer {
  return element(contextTag(6, 'bytes'), Buffer.from(uri, 'latin1'));
}

function hostName(host: string): Buffer {
  if (isIP(host) !== 0) return element(contextTag(7, 'bytes'), addressBytes(host));
  return element(contextTag(2, 'bytes'), Buffer.from(host, 'latin1'));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // The URL parser knows every spelling of an IPv6 address and answers in hex groups only.
  const [head = '', tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string): number[] => (text === '' ? [] : text.split(':').map((group) => parseInt(group, 16)));
  const [front, back] = [groups(head), groups(tail)];
  const words = [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
  return Buffer.from(words.flatMap((word) => [word >> 8, word & 0xff]));
}

const hostPattern = /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

export function checkHosts(hosts: readonly string[]): readonly string[] {
  for (const host of hosts) {
    const isHost = (isIP(host) !== 0 && !host.includes('%')) || (host.length <= 253 && hostPattern.test(host));
    if (!isHost) throw new OpError('IDENTITY_INVALID', { field: 'host', value: JSON.stringify(host) });
  }
  return hosts;
}

/** What a certificate says, whether or not anybody should believe it. */
export interface CertificateInfo {
  readonly x509: X509Certificate;
  /** Lower-case hex, without leading zeroes in front of a whole byte. */
  readonly serial: string;
  readonly subject: string;
  readonly issuer: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly isAuthority: boolean;
  /** The cluster of an authority's certificate. */
  readonly cluster: string | null;
  /** The holder of a leaf certificate. */
  readonly identity: Identity | null;
  readonly hosts: readonly string[];
}

export function readCertificate(x509: X509Certificate): CertificateInfo {
  const names = alternativeNames(x509.subjectAltName ?? '');
  const uris = names.filter(([kind]) => kind === 'URI').map(([, value]) => value);
  const onlyUri = uris.length === 1 ? (uris[0] ?? '') : '';
  return {
    x509,
    serial: normalSerial(x509.serialNumber),
    subject: x509.subject,
    issuer: x509.issuer,
    notBeforeMs: Date.parse(x509.validFrom),
    notAfterMs: Date.parse(x509.validTo),
    isAuthority: x509.ca,
    cluster: x509.ca ? parseClusterUri(onlyUri) : null,
    identity: x509.ca ? null : parseIdentity(onlyUri),
    hosts: names.filter(([kind]) => kind === 'DNS' || kind === 'IP Address').map(([, value]) => value),
  };
}

/** One spelling of a serial number, so that a list and a certificate that mean the same one compare equal. */
export function normalSerial(serial: string): string {
  const digits = serial.toLowerCase().replace(/^0+(?=.)/, '');
  return digits.length % 2 === 0 ? digits : `0${digits}`;
}

/**
 * Node prints the names as `URI:x, DNS:y` and puts a value in quotes as soon as it holds something that could fake a
 * separator. None of our names needs that, so a quote anywhere means a certificate that is not ours: it has no names.
 */
function alternativeNames(text: string): (readonly [kind: string, value: string])[] {
  if (text === '' || text.includes('"')) return [];
  return text.split(', ').map((name) => {
    const colon = name.indexOf(':');
    return [name.slice(0, colon), name.slice(colon + 1)];
  });
}

const pemPattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Every certificate of a PEM text, in its order; `source` is what an error names. */
export function parseCertificates(pem: string, source: string): CertificateInfo[] {
  const blocks = pem.match(pemPattern) ?? [];
  if (blocks.length === 0) throw new OpError('CERTIFICATE_UNREADABLE', { source, reason: 'it holds no certificate' });
  return blocks.map((block) => {
    try {
      return readCertificate(new X509Certificate(block));
    } catch (cause) {
      throw new OpError('CERTIFICATE_UNREADABLE', { source, reason: 'a certificate in it is malformed' }, { cause });
    }
  });
}

/** The first certificate of a PEM text: the holder's own, where others follow. */
export function parseCertificate(pem: string, source: string): CertificateInfo {
  const [first] = parseCertificates(pem, source);
  invariant(first !== undefined, 'a parsed PEM holds a certificate');
  return first;
}

export function certificateToPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
