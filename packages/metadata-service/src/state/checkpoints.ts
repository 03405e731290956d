// When what waits in the database's write-ahead log goes into the database's file, and from when on what was committed is durable. Everything
// is done by another thread (checkpointer.ts) while batches are applied and committed here.
//
// Three things that SQLite does not promise, and that this relies on nowhere:
// - A checkpoint that brought in every frame it knew of has synced the file only if nothing was committed while it ran: else it leaves
//   the sync to a later one. So what was committed before it is durable only where no commit came beside it.
// - The log begins anew with a transaction that begins when everything is in the file. Who always has a transaction open, as a
//   busy leader does, never sees that moment, and the log grows for as long as it is busy. So at a length of its own
//   a checkpoint is the *last*: what little was committed since the one before it, while the next transaction waits.
// - A checkpoint that failed may have lost what it wrote, and one that is tried again finds nothing of that. So the first failure
//   is the last checkpoint of the process, but for want of room, which a write tells and no sync.
import { invariant, isOpError, mib, OpError, type LogIndex } from '@holdfast/base';
import type { Checkpointer, CheckpointOutcome } from './checkpointer.ts';
import { walPageBytes, type StateDatabase } from './database.ts';

export interface CheckpointLimits {
  /** Waiting in the write-ahead log when a checkpoint is begun. */
  readonly waitingBytes: number;
  /** Length of the write-ahead log from which on it is to begin anew. */
  readonly walBytes: number;
  /** Committed beside one checkpoint; past it commits wait until it has ended, because the disk does not keep up with them. */
  readonly besideBytes: number;
}

export const checkpointLimitsDefault: CheckpointLimits = {
  waitingBytes: 4 * mib,
  walBytes: 64 * mib,
  besideBytes: 64 * mib,
};

interface UnderWay {
  /** Committed before it was begun. */
  readonly applied: LogIndex;
  readonly logFrames: number;
  readonly commits: number;
  readonly isLast: boolean;
}

export interface CheckpointsParts {
  readonly checkpointer: Checkpointer;
  readonly limits: CheckpointLimits;
  /** The one that is open. */
  readonly database: () => StateDatabase;
}

export class Checkpoints {
  readonly #parts: CheckpointsParts;
  #underWay: UnderWay | null = null;
  /** Why the last one came to nothing. */
  #failure: OpError | null = null;
  /** Up to where everything is in the file, and synced; null where none has told yet. */
  #durable: LogIndex | null = null;

  constructor(parts: CheckpointsParts) {
    this.#parts = parts;
  }

  get durable(): LogIndex | null {
    return this.#durable;
  }

  /** No further one may be tried. */
  get hasFailed(): boolean {
    return this.#failure !== null && this.#failure.code !== 'STATE_DISK_FULL';
  }

  /** Before a transaction begins. */
  awaitLast(): void {
    if (this.#underWay?.isLast === true) this.finish();
  }

  /** Before a commit: whether a checkpoint has ended since the last call, and with all that it knew of. */
  note(): boolean {
    if (this.#underWay === null) return false;
    const outcome = this.#parts.checkpointer.poll();
    return outcome !== null && this.#end(this.#underWay, outcome);
  }

  /** Behind a commit of everything up to `applied`. Throws what a checkpoint failed with, also one that ended a while ago. */
  consider(applied: LogIndex, hasCaughtUp: boolean): void {
    const { limits, database } = this.#parts;
    if (this.hasFailed) this.#fail();
    const { logFrames, broughtFrames } = database().walFrames();
    let isLittle = hasCaughtUp;
    if (this.#underWay !== null) {
      if (bytesOf(logFrames - this.#underWay.logFrames) < limits.besideBytes) return this.#fail();
      isLittle = this.finish();
    }
    const waitingBytes = bytesOf(logFrames - broughtFrames);
    const isLong = bytesOf(logFrames) >= limits.walBytes && waitingBytes > 0;
    if (isLong || waitingBytes >= limits.waitingBytes || this.#failure !== null) {
      this.#begin({ applied, logFrames, isLast: isLong && isLittle });
    }
    this.#fail();
  }

  /** Waits for the one that is under way, if there is one; whether it brought in all that it knew of. */
  finish(): boolean {
    const { checkpointer } = this.#parts;
    const isWhole = this.#underWay !== null && this.#end(this.#underWay, checkpointer.wait());
    if (this.hasFailed) this.#fail();
    return isWhole;
  }

  /** In this thread, for whoever needs the file whole at once; false where a reader still needs the log. */
  now(applied: LogIndex): boolean {
    this.finish();
    try {
      if (!this.#parts.database().checkpoint()) return false;
    } catch (error) {
      if (isOpError(error)) this.#failure = error;
      throw error;
    }
    this.#failure = null;
    this.#durable = applied;
    return true;
  }

  /** Another file has taken the place of the one of which this knew something. */
  forget(): void {
    invariant(this.#underWay === null, 'a file is not replaced beneath a checkpoint');
    this.#durable = null;
  }

  close(): void {
    this.#parts.checkpointer.close();
  }

  #fail(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  #begin(begun: Omit<UnderWay, 'commits'>): void {
    const { checkpointer, database } = this.#parts;
    this.#underWay = { ...begun, commits: database().commits };
    checkpointer.begin();
  }

  #end({ applied, commits }: UnderWay, outcome: CheckpointOutcome): boolean {
    this.#underWay = null;
    if (!outcome.isOk) {
      this.#failure = failureOf(outcome);
      return false;
    }
    this.#failure = null;
    const { isBusy, logFrames, broughtFrames } = outcome.frames;
    const isWhole = !isBusy && broughtFrames === logFrames;
    if (isWhole && this.#parts.database().commits === commits) this.#durable = applied;
    return isWhole;
  }
}

function bytesOf(frames: number): number {
  return frames * walPageBytes;
}

function failureOf({ isDiskFull, reason }: Extract<CheckpointOutcome, { readonly isOk: false }>): OpError {
  return isDiskFull ? new OpError('STATE_DISK_FULL', {}) : new OpError('STATE_DATABASE_FAILED', { reason });
}
