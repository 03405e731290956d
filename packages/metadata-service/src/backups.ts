// Backups of a running member: the state that it has applied, as the bytes of a backup file. The image goes to a file without a name first, at
// a bounded rate: while an image is read the database's write-ahead log grows and the group's own snapshots wait, and how fast a
// caller takes it is nobody's promise. The file is gone when the call is over, or the process.
import { join } from 'node:path';
import { OpError, sleep, throwIfAborted, type Clock, type Files, type OpenFile, type Timers } from '@holdfast/base';
import { BackupEncoder } from './backup-file.ts';
import type { Replica } from './host/host-options.ts';
import { statePath } from './member-home.ts';
import type { MetadataMachine } from './state/machine.ts';
import { State } from './state/state.ts';

export interface BackupLimits {
  /** Of one part, which is read, checked and sent at once. */
  readonly partBytes: number;
  /** Read from the state, and then sent, within a second. */
  readonly bytesPerSecond: number;
}
export const backupLimitsDefault: BackupLimits = { partBytes: 256 * 1024, bytesPerSecond: 64 * 1024 * 1024 };
/** Times the size of the state, of which a backup takes one. */
const spareFactor = 3;

export interface BackupsParts {
  readonly cluster: string;
  /** This member's name, and its release. */
  readonly member: string;
  readonly release: string;
  /** The member's own, where the image waits to be sent. */
  readonly directory: string;
  readonly files: Files;
  readonly machine: MetadataMachine;
  readonly replica: Pick<Replica, 'status'>;
  readonly limits: BackupLimits;
  readonly clock: Clock;
  readonly timers: Timers;
}

export class Backups {
  readonly #parts: BackupsParts;
  #isBusy = false;

  constructor(parts: BackupsParts) {
    this.#parts = parts;
  }

  /** The bytes of a whole backup file, in pieces. One at a time: STATE_IMAGE_BUSY otherwise. */
  async *make(signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    if (this.#isBusy) throw new OpError('STATE_IMAGE_BUSY', { reason: 'another backup is being made' });
    const file = this.#openNameless();
    this.#isBusy = true;
    try {
      await this.#write(file, signal);
      yield* this.#read(file, signal);
    } finally {
      file.close();
      this.#isBusy = false;
    }
  }

  #openNameless(): OpenFile {
    const { files, directory } = this.#parts;
    const path = join(directory, 'backup.sending');
    // The log and the database are on the same disk, and need room more than a backup does.
    const neededBytes = spareFactor * (files.stat(statePath(directory))?.sizeBytes ?? 0);
    const { freeBytes } = files.freeSpace(directory);
    if (freeBytes < neededBytes) throw new OpError('DISK_FULL', { operation: 'back up by way of', path });
    if (files.stat(path) !== null) files.unlink(path);
    const file = files.open(path, 'create-new');
    files.unlink(path);
    return file;
  }

  async #write(file: OpenFile, signal: AbortSignal): Promise<void> {
    const { machine, replica, clock, limits } = this.#parts;
    const { cluster, member, release } = this.#parts;
    const encoder = new BackupEncoder();
    // In one turn: nothing is applied between what the head says and what the image holds.
    const source = machine.snapshot();
    try {
      const { version, generation } = State.read(machine.database);
      const { term } = replica.status;
      const facts = { index: machine.applied, term, version, generation, madeMs: clock.wallMs() };
      let at = 0;
      const put = (bytes: Uint8Array): void => {
        file.pwrite(bytes, at);
        at += bytes.length;
      };
      put(encoder.begin({ cluster, member, release, ...facts }));
      const pace = this.#pace(signal);
      for (let part = source.read(limits.partBytes); part !== null; part = source.read(limits.partBytes)) {
        put(encoder.part(part));
        await pace(part.length);
      }
      put(encoder.end());
    } finally {
      source.close();
    }
  }

  async *#read(file: OpenFile, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const sizeBytes = file.sizeBytes();
    const pace = this.#pace(signal);
    for (let at = 0; at < sizeBytes;) {
      const into = Buffer.alloc(Math.min(this.#parts.limits.partBytes, sizeBytes - at));
      const bytes = into.subarray(0, file.pread(into, at));
      at += bytes.length;
      yield bytes;
      await pace(bytes.length);
    }
  }

  /** Rests after each part for as long as the rate asks for; everything else has its turn in between. */
  #pace(signal: AbortSignal): (bytes: number) => Promise<void> {
    const { timers, limits } = this.#parts;
    return async (bytes) => {
      throwIfAborted(signal);
      await sleep(timers, Math.ceil((1_000 * bytes) / limits.bytesPerSecond), signal);
    };
  }
}
