// A backup of the metadata as a file of parts (host/parts.ts): a head that says what it holds, in JSON, because a person may have nothing but
// the file and `strings`; then the image of the state (state/image.ts). The head's first field is the form of all the rest.
import { OpError, type Files } from '@holdfast/base';
import { PartsEncoder, PartsReader } from './host/parts.ts';
import type { SnapshotSource } from './host/state-machine.ts';

const fileMark = Buffer.from('HFbackup');
const formKnown = 1;

export interface BackupHead {
  readonly form: number;
  /** The UUID of the cluster. */
  readonly cluster: string;
  /** The metadata server that it was taken from, and its release. */
  readonly member: string;
  readonly release: string;
  /** The revision of the state, and a term at least as high as that of its last entry. */
  readonly index: number;
  readonly term: number;
  /** The cluster version and the cluster generation of the state. */
  readonly version: number;
  readonly generation: number;
  /** By the wall clock of the member. */
  readonly madeMs: number;
}

/** The pieces of a backup, in their order: beginning, parts, end. */
export class BackupEncoder {
  readonly #encoder = new PartsEncoder();

  begin(head: Omit<BackupHead, 'form'>): Uint8Array {
    const encoded = Buffer.from(JSON.stringify({ form: formKnown, ...head }));
    return Buffer.concat(this.#encoder.begin(fileMark, encoded));
  }

  part(bytes: Uint8Array): Uint8Array {
    return Buffer.concat(this.#encoder.part(bytes));
  }

  end(): Uint8Array {
    return Buffer.concat(this.#encoder.end());
  }
}

/** A backup that is read from its beginning. Throws BACKUP_DAMAGED and BACKUP_TOO_NEW. */
export class BackupFile extends PartsReader implements SnapshotSource {
  readonly path: string;
  readonly head: BackupHead;
  readonly sizeBytes: number;

  constructor(files: Files, path: string) {
    const damaged = (reason: string): OpError => new OpError('BACKUP_DAMAGED', { path, reason });
    const file = files.open(path, 'read');
    super(file, fileMark, damaged);
    this.path = path;
    try {
      this.sizeBytes = file.sizeBytes();
      this.head = JSON.parse(Buffer.from(this.headBytes).toString()) as BackupHead;
      const { form: found } = this.head;
      if (found > formKnown) throw new OpError('BACKUP_TOO_NEW', { path, what: 'form', found, known: formKnown });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Reads what is left of it: behind this it is known to be whole. */
  verify(): void {
    while (this.readPart() !== null);
    const { path, position } = this;
    if (position < this.sizeBytes) throw new OpError('BACKUP_DAMAGED', { path, reason: `it goes on at ${position}` });
  }
}

/** What a backup holds that is whole; throws for any other. */
export function verifyBackup(files: Files, path: string): { readonly head: BackupHead; readonly sizeBytes: number } {
  const backup = new BackupFile(files, path);
  try {
    backup.verify();
    const { head, sizeBytes } = backup;
    return { head, sizeBytes };
  } finally {
    backup.close();
  }
}
