// The list of certificates that are refused before they end. Two lines: the list as JSON, and the authority's signature over
// exactly these bytes, so that a forged list, a shortened one and one of another cluster are all refused. Its generation
// grows with every change; a reader that has seen a generation takes no earlier one.
import { sign, verify, type KeyObject } from 'node:crypto';
import { OpError } from '@holdfast/base';

export interface Revocation {
  readonly serial: string;
  readonly reason: string;
  readonly revokedAtMs: number;
  /** From here on the certificate is refused for its age, and the entry may go. */
  readonly notAfterMs: number;
}

/** A year of certificates that live a day, of a thousand nodes of which every third is stolen: far from real. */
export const revocationsLimit = 100_000;
const formatName = 'holdfast-revocations-1';
const signatureContext = Buffer.from(`${formatName}\0`, 'latin1');

export class RevocationList {
  readonly cluster: string;
  readonly generation: number;
  readonly entries: readonly Revocation[];
  readonly #bySerial: ReadonlyMap<string, Revocation>;

  constructor(cluster: string, generation: number, entries: readonly Revocation[]) {
    this.cluster = cluster;
    this.generation = generation;
    this.entries = entries;
    this.#bySerial = new Map(entries.map((entry) => [entry.serial, entry]));
  }

  static empty(cluster: string): RevocationList {
    return new RevocationList(cluster, 0, []);
  }

  find(serial: string): Revocation | null {
    return this.#bySerial.get(serial) ?? null;
  }

  /** The list of the following generation, with `added` and without what has ended by itself. */
  extend(added: readonly Revocation[], nowMs: number): RevocationList {
    const fresh = added.filter((entry) => !this.#bySerial.has(entry.serial));
    const entries = [...this.entries, ...fresh].filter((entry) => entry.notAfterMs > nowMs);
    if (entries.length > revocationsLimit) {
      throw new OpError('QUEUE_FULL', { queue: 'revocation list', limit: revocationsLimit });
    }
    return new RevocationList(this.cluster, this.generation + 1, entries);
  }
}

export function formatRevocationList(list: RevocationList, authorityKey: KeyObject): string {
  const { cluster, generation, entries } = list;
  const payload = JSON.stringify({ format: formatName, cluster, generation, entries });
  const signature = sign('sha256', signedBytes(payload), authorityKey);
  return `${payload}\n${signature.toString('base64')}\n`;
}

/** The list in `text` if one of `authorityKeys` signed it for `cluster`. */
export function parseRevocationList(
  text: string,
  expected: { readonly cluster: string; readonly authorityKeys: readonly KeyObject[]; readonly source: string },
): RevocationList {
  const refuse = (reason: string): OpError =>
    new OpError('REVOCATION_LIST_REFUSED', { source: expected.source, reason });
  const [payload = '', encoded = '', end = null, ...more] = text.split('\n');
  if (end !== '' || more.length > 0) throw refuse('it is cut short');
  const signature = Buffer.from(encoded, 'base64');
  const isSigned = expected.authorityKeys.some((key) => verify('sha256', signedBytes(payload), key, signature));
  if (!isSigned) throw refuse("it does not carry the signature of this cluster's authority");
  // Signed by the authority, hence of the shape that this file writes, except for a format of another release.
  const list = JSON.parse(payload) as { format: string; cluster: string; generation: number; entries: Revocation[] };
  if (list.format !== formatName) throw refuse(`its format is ${list.format}`);
  if (list.cluster !== expected.cluster) throw refuse(`it is of the cluster ${list.cluster}`);
  return new RevocationList(list.cluster, list.generation, list.entries);
}

function signedBytes(payload: string): Buffer {
  return Buffer.concat([signatureContext, Buffer.from(payload, 'utf8')]);
}
