// A cluster's certificate authority: a directory with its key, its certificate, the register of what it issued and the list
// of what it revoked. One process changes it at a time (a lock that the kernel gives back when the process dies).
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DirectoryLock, OpError, type Clock, type Random, systemErrorCode } from '@holdfast/base';
import {
  buildCertificate,
  certificateToPem,
  checkHosts,
  normalSerial,
  parseCertificate,
  type CertificateInfo,
  type CertificateTerms,
} from './certificate.ts';
import { appendLine, createFile, makePrivateDirectory, reasonOf, replaceFile } from './durable-file.ts';
import { checkIdentity, formatClusterUri, formatIdentity, servingRoles, type Identity } from './identity.ts';
import { formatRevocationList, parseRevocationList, RevocationList } from './revocation-list.ts';
import { exportPrivateKey, generateKeyPair, readSigningRequest } from './signing-request.ts';

export const authorityFiles = {
  key: 'ca.key',
  certificate: 'ca.pem',
  register: 'issued.jsonl',
  revocations: 'revoked.json',
} as const;

const dayMs = 86_400_000;
export const authorityLifeDefaultMs = 3650 * dayMs;
export const leafLifeDefaultMs = 30 * dayMs;
/** X.509 tells time in whole seconds. */
export const leafLifeMinMs = 2_000;
/** So that a node whose clock is a little behind takes a fresh certificate; never more than a tenth of its life. */
const backdateLimitMs = 300_000;
const serialLengthBytes = 16;

export interface AuthorityOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
}

export interface SigningTerms {
  readonly identity: Identity;
  /** DNS names and IP addresses under which a serving role is reached; none for the others. */
  readonly hosts: readonly string[];
  readonly lifeMs?: number;
  /** The serial number of the certificate that this one follows; if that was revoked, it gets no follower. */
  readonly predecessor?: string;
}

export interface SignedCertificate {
  readonly certificatePem: string;
  readonly serial: string;
  readonly notAfterMs: number;
}

export interface IssuedCertificate extends SignedCertificate {
  readonly keyPem: string;
}

/** One line of the register. */
export interface RegisterEntry {
  readonly serial: string;
  readonly identity: string;
  readonly notAfterMs: number;
}

export class Authority {
  readonly certificatePem: string;
  readonly certificate: CertificateInfo;
  readonly cluster: string;
  readonly #key: KeyObject;
  readonly #options: AuthorityOptions;

  private constructor(certificatePem: string, key: KeyObject, options: AuthorityOptions) {
    const certificate = parseCertificate(certificatePem, authorityFiles.certificate);
    if (certificate.cluster === null || !certificate.x509.checkPrivateKey(key)) {
      const reason = certificate.cluster === null ? "it is no cluster's authority" : 'its key is not the one beside it';
      throw new OpError('CERTIFICATE_UNREADABLE', {
        source: join(options.directory, authorityFiles.certificate),
        reason,
      });
    }
    this.certificatePem = certificatePem;
    this.certificate = certificate;
    this.cluster = certificate.cluster;
    this.#key = key;
    this.#options = options;
  }

  /** Makes an authority in a directory that has none. */
  static async initialise(
    options: AuthorityOptions & { readonly cluster: string; readonly lifeMs?: number },
  ): Promise<Authority> {
    const { directory, cluster, clock, random } = options;
    const pair = generateKeyPair();
    const subject = `Holdfast ${cluster}`;
    const nowMs = clock.wallMs();
    const terms: CertificateTerms = {
      serial: makeSerial(random),
      subject,
      publicKey: pair.publicKey,
      notBeforeMs: nowMs - backdateLimitMs,
      notAfterMs: nowMs + (options.lifeMs ?? authorityLifeDefaultMs),
      uri: formatClusterUri(checkIdentity({ cluster, role: 'admin', name: 'admin', node: null }).cluster),
      hosts: [],
      use: 'authority',
    };
    const pem = certificateToPem(buildCertificate(terms, { subject, privateKey: pair.privateKey }));
    await makePrivateDirectory(directory);
    await tightenCheck(directory);
    try {
      // The key's file is made first and only once, so of two that initialise one directory, one is refused here.
      await createFile(join(directory, authorityFiles.key), exportPrivateKey(pair.privateKey), 0o600);
    } catch (error) {
      if (systemErrorCode(error) === 'EEXIST') throw new OpError('AUTHORITY_EXISTS', { directory }, { cause: error });
      throw unusable(directory, error);
    }
    await replaceFile(
      join(directory, authorityFiles.revocations),
      formatRevocationList(RevocationList.empty(cluster), pair.privateKey),
      0o644,
    );
    await replaceFile(join(directory, authorityFiles.certificate), pem, 0o644);
    return new Authority(pem, pair.privateKey, options);
  }

  static async open(options: AuthorityOptions): Promise<Authority> {
    const { directory } = options;
    try {
      const [pem, key] = await Promise.all([
        readFile(join(directory, authorityFiles.certificate), 'utf8'),
        readFile(join(directory, authorityFiles.key), 'utf8'),
      ]);
      return new Authority(pem, createPrivateKey(key), options);
    } catch (error) {
      if (error instanceof OpError) throw error;
      throw unusable(directory, error);
    }
  }

  /** A fresh key and its certificate. */
  async issue(terms: SigningTerms): Promise<IssuedCertificate> {
    const pair = generateKeyPair();
    const signed = await this.#certify(pair.publicKey, terms);
    return { ...signed, keyPem: exportPrivateKey(pair.privateKey) };
  }

  /** Certifies the key of a signing request. Who its holder is stands in `terms`; the request has no say in it. */
  async sign(csr: Uint8Array, terms: SigningTerms): Promise<SignedCertificate> {
    return this.#certify(readSigningRequest(csr), terms);
  }

  /** A fresh key and certificate for the holder of one that this authority signed, and that is not revoked. */
  async renew(certificatePem: string, lifeMs?: number): Promise<IssuedCertificate> {
    const previous = parseCertificate(certificatePem, 'the certificate to renew');
    const { identity } = previous;
    if (identity?.cluster !== this.cluster || !previous.x509.verify(createPublicKey(this.#key))) {
      throw new OpError('CERTIFICATE_UNTRUSTED', { holder: previous.subject, reason: 'another authority signed it' });
    }
    const terms = { identity, hosts: previous.hosts, predecessor: previous.serial };
    return this.issue(lifeMs === undefined ? terms : { ...terms, lifeMs });
  }

  /**
   * Revokes one certificate by its serial number, or every living one of an identity: a holder that renewed has several.
   * Answers how many went onto the list.
   */
  async revoke(target: { readonly serial: string } | { readonly identity: Identity }, reason: string): Promise<number> {
    const lock = await DirectoryLock.take(this.#options.directory, 'authority');
    try {
      const nowMs = this.#options.clock.wallMs();
      const isMeant =
        'serial' in target
          ? (entry: RegisterEntry) => entry.serial === normalSerial(target.serial)
          : (entry: RegisterEntry) => entry.identity === formatIdentity(target.identity);
      const meant = (await this.register()).filter(isMeant);
      if (meant.length === 0) {
        const what = 'serial' in target ? target.serial : formatIdentity(target.identity);
        throw new OpError('CERTIFICATE_NOT_ISSUED', { certificate: what });
      }
      const current = await this.revocations();
      const added = meant
        .filter((entry) => entry.notAfterMs > nowMs && current.find(entry.serial) === null)
        .map(({ serial, notAfterMs }) => ({ serial, reason, revokedAtMs: nowMs, notAfterMs }));
      const text = formatRevocationList(current.extend(added, nowMs), this.#key);
      await replaceFile(join(this.#options.directory, authorityFiles.revocations), text, 0o644);
      return added.length;
    } finally {
      lock.release();
    }
  }

  /** The list as it stands; a forged or shortened one is refused, never started over. */
  async revocations(): Promise<RevocationList> {
    const source = join(this.#options.directory, authorityFiles.revocations);
    const text = await readFile(source, 'utf8').catch((error: unknown) => {
      throw unusable(this.#options.directory, error);
    });
    return parseRevocationList(text, { cluster: this.cluster, authorityKeys: [createPublicKey(this.#key)], source });
  }

  /** Everything that this authority issued, in its order. */
  async register(): Promise<RegisterEntry[]> {
    const path = join(this.#options.directory, authorityFiles.register);
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (systemErrorCode(error) === 'ENOENT') return '';
      throw unusable(this.#options.directory, error);
    });
    // A last line without its end is an entry whose certificate was never handed out: the crash came first.
    const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
    return lines
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as RegisterEntry);
  }

  async #certify(publicKey: KeyObject, terms: SigningTerms): Promise<SignedCertificate> {
    const { identity } = terms;
    const lifeMs = terms.lifeMs ?? leafLifeDefaultMs;
    const isServing = servingRoles.has(checkIdentity(identity).role);
    if (identity.cluster !== this.cluster) {
      throw new OpError('CERTIFICATE_OF_OTHER_CLUSTER', { holder: formatIdentity(identity), cluster: this.cluster });
    }
    if (!isServing && terms.hosts.length > 0) throw new OpError('HOSTS_NOT_SERVED', { role: identity.role });
    if (lifeMs < leafLifeMinMs) {
      throw new OpError('IDENTITY_INVALID', { field: 'lifetime', value: `${lifeMs} ms` });
    }
    const nowMs = this.#options.clock.wallMs();
    const serial = makeSerial(this.#options.random);
    const notAfterMs = Math.min(Math.floor((nowMs + lifeMs) / 1000) * 1000, this.certificate.notAfterMs);
    await this.#enter({ serial, identity: formatIdentity(identity), notAfterMs }, terms.predecessor ?? null);
    const der = buildCertificate(
      {
        serial,
        subject: identity.name.slice(0, commonNameLimitChars),
        publicKey,
        notBeforeMs: nowMs - Math.min(backdateLimitMs, lifeMs / 10),
        notAfterMs,
        uri: formatIdentity(identity),
        hosts: checkHosts(terms.hosts),
        use: isServing ? 'server-and-client' : 'client',
      },
      { subject: `Holdfast ${this.cluster}`, privateKey: this.#key },
    );
    return { certificatePem: certificateToPem(der), serial, notAfterMs };
  }

  /**
   * The register comes before the certificate: one that is not in it could not be revoked. Under the lock, because a
   * revocation that reads the register between the look at the list and the entry would let a thief's renewal escape.
   */
  async #enter(entry: RegisterEntry, predecessor: string | null): Promise<void> {
    const lock = await DirectoryLock.take(this.#options.directory, 'authority');
    try {
      const revocation = predecessor === null ? null : (await this.revocations()).find(predecessor);
      if (revocation !== null) {
        throw new OpError('CERTIFICATE_REVOKED', { holder: entry.identity, reason: revocation.reason });
      }
      await appendLine(join(this.#options.directory, authorityFiles.register), JSON.stringify(entry));
    } finally {
      lock.release();
    }
  }
}

/** X.520's bound on a common name; the whole name stands in the URI. */
const commonNameLimitChars = 64;

function makeSerial(random: Random): string {
  const bytes = Buffer.from(random.bytes(serialLengthBytes));
  // Neither negative nor shorter than it looks: the first bit is 0 and the next 1.
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

async function tightenCheck(directory: string): Promise<void> {
  const { mode } = await stat(directory);
  if ((mode & 0o077) !== 0) throw new OpError('AUTHORITY_EXPOSED', { directory });
}

function unusable(directory: string, error: unknown): OpError {
  return new OpError('AUTHORITY_UNUSABLE', { directory, reason: reasonOf(error) }, { cause: error });
}
