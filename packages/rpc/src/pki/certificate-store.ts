// Where a role's certificate files lie: its key and certificate in one file, the authority's certificates, and the revocation
// list. Key and certificate share a file because a crash between writing two would leave a pair that does not match.
import type { BigIntStats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OpError, systemErrorCode } from '@holdfast/base';
import { makePrivateDirectory, reasonOf, replaceFile } from './durable-file.ts';

export interface CertificateFiles {
  /** The private key and, after it, the certificate, in PEM; 0600. */
  readonly identity: string;
  /** The certificates of the authorities to trust. More than one while an authority is replaced. */
  readonly authorities: string;
  readonly revocations: string;
  /** A copy of the latest list that was taken over: a restart must not take an earlier one. */
  readonly seenRevocations: string;
}

export interface StoredCertificates {
  readonly identityPem: string;
  readonly authoritiesPem: string;
  /** Null where there is no list: then nothing was ever revoked. */
  readonly revocations: string | null;
}

export interface CertificateStore {
  /** Names the place in errors. */
  readonly source: string;
  /** What the files hold; null if nothing changed since the previous call. */
  load(): Promise<StoredCertificates | null>;
  /** Replaces key and certificate as one step. */
  saveIdentity(identityPem: string): Promise<void>;
  /** The list that was saved last; null where none was. */
  loadSeenRevocations(): Promise<string | null>;
  saveSeenRevocations(list: string): Promise<void>;
}

export function certificateFilesIn(directory: string): CertificateFiles {
  return {
    identity: join(directory, 'identity.pem'),
    authorities: join(directory, 'ca.pem'),
    revocations: join(directory, 'revoked.json'),
    seenRevocations: join(directory, 'revoked.seen.json'),
  };
}

export class FileCertificateStore implements CertificateStore {
  readonly source: string;
  readonly #files: CertificateFiles;
  #seen = '';

  constructor(files: CertificateFiles) {
    this.source = files.identity;
    this.#files = files;
  }

  async load(): Promise<StoredCertificates | null> {
    const { identity, authorities, revocations } = this.#files;
    // Looked at before they are read: a change in between is then seen by the next call.
    const stamps = await Promise.all([identity, authorities, revocations].map(stampOf));
    const seen = stamps.join(' ');
    if (seen === this.#seen) return null;
    const [identityPem, authoritiesPem, list] = await Promise.all([
      readText(identity),
      readText(authorities),
      readTextIfThere(revocations),
    ]);
    this.#seen = seen;
    return { identityPem, authoritiesPem, revocations: list };
  }

  async saveIdentity(identityPem: string): Promise<void> {
    await replaceFile(this.#files.identity, identityPem, 0o600);
  }

  async loadSeenRevocations(): Promise<string | null> {
    return readTextIfThere(this.#files.seenRevocations);
  }

  async saveSeenRevocations(list: string): Promise<void> {
    await replaceFile(this.#files.seenRevocations, list, 0o644);
  }
}

/** Lays the files of a freshly issued identity into a directory of their own, which must not hold an identity. */
export async function writeCertificateFiles(directory: string, certificates: StoredCertificates): Promise<void> {
  const files = certificateFilesIn(directory);
  await makePrivateDirectory(directory);
  if ((await stampOf(files.identity)) !== absent) throw new OpError('CERTIFICATE_FILES_EXIST', { directory });
  await replaceFile(files.authorities, certificates.authoritiesPem, 0o644);
  if (certificates.revocations !== null) await replaceFile(files.revocations, certificates.revocations, 0o644);
  await replaceFile(files.identity, certificates.identityPem, 0o600);
}

const absent = '-';

/** Changes whenever the file is replaced or written: every replacement is another inode, every write another time. */
async function stampOf(path: string): Promise<string> {
  let stats: BigIntStats;
  try {
    stats = await stat(path, { bigint: true });
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return absent;
    throw unreadable(path, error);
  }
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function readTextIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): OpError {
  return new OpError('CERTIFICATE_UNREADABLE', { source: path, reason: reasonOf(cause) }, { cause });
}
