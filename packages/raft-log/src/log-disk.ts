// Carries out jobs on the files of a log, in the thread that owns them. Any error of a write or a sync is thrown once and for all:
// after a failed fdatasync the kernel may say that all is well while the bytes are gone, so this object does nothing any more.
import { dirname } from 'node:path';
import { invariant, isOpError, type Clock, type Files, type OpenFile } from '@holdfast/base';
import type { Job, JobResult, PlacedBytes, PrepareJob, ResumeJob, RetireJob, RotateJob } from './job.ts';

export class LogDisk {
  readonly #files: Files;
  readonly #clock: Clock;
  #active: OpenFile | null = null;
  #isPoisoned = false;
  /** The size that the active chunk gets back behind the next batch; null when it has it. */
  #missingSizeBytes: number | null = null;

  constructor(files: Files, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
  }

  run(job: Job): JobResult {
    this.#refuseWhenPoisoned();
    try {
      return this.#run(job);
    } catch (error) {
      this.#isPoisoned = true;
      throw error;
    }
  }

  #refuseWhenPoisoned(): void {
    invariant(!this.#isPoisoned, 'the log is written to after an error');
  }

  #run(job: Job): JobResult {
    switch (job.kind) {
      case 'write':
        return this.write(job);
      case 'rotate':
        return this.#timed(() => this.#rotate(job));
      case 'prepare':
        return this.#prepare(job);
      case 'retire':
        return this.#timed(() => this.#retire(job));
      case 'resume':
        return this.#timed(() => this.#resume(job));
      case 'end':
        return this.#timed(() => this.#take(null));
    }
  }

  write({ bytes, position }: PlacedBytes): JobResult {
    const file = this.#activeFile;
    const startMs = this.#clock.monotonicMs();
    file.pwrite(bytes, position);
    const writtenMs = this.#clock.monotonicMs();
    file.fdatasync();
    if (this.#missingSizeBytes !== null) this.#restoreSize(file, this.#missingSizeBytes);
    return { writeMs: writtenMs - startMs, syncMs: this.#clock.monotonicMs() - writtenMs, isDiskFull: false };
  }

  #resume({ path, sizeBytes }: ResumeJob): void {
    this.#take(this.#files.open(path, 'write'));
    if (this.#activeFile.sizeBytes() < sizeBytes) this.#missingSizeBytes = sizeBytes;
  }

  /**
   * Behind a batch, never before it: the batch says that what was cut is given up. Zeroes there without it would be taken for
   * the end of a log that lost nothing.
   */
  #restoreSize(file: OpenFile, sizeBytes: number): void {
    this.#missingSizeBytes = null;
    try {
      file.preallocate(sizeBytes);
      file.fdatasync();
    } catch (error) {
      // Then each batch takes its room as it comes, and the next open suspects the end again.
      if (!isOpError(error) || error.code !== 'DISK_FULL') throw error;
    }
  }

  get #activeFile(): OpenFile {
    invariant(this.#active !== null, 'the log has no chunk to write to');
    return this.#active;
  }

  /** See RotateJob; a crash between two steps leaves a next chunk without a batch, or a spare. */
  #rotate(job: RotateJob): void {
    const spare = this.#files.open(job.from, 'write');
    spare.pwrite(job.header, 0);
    spare.fdatasync();
    spare.close();
    this.#files.rename(job.from, job.to);
    this.#syncDirectoryOf(job.to);
    if (job.seal !== null) this.#seal(job.seal);
    this.#take(this.#files.open(job.to, 'write'));
    this.write(job.checkpoint);
  }

  #seal({ footer, trailer }: NonNullable<RotateJob['seal']>): void {
    const file = this.#activeFile;
    file.pwrite(footer.bytes, footer.position);
    file.pwrite(trailer.bytes, trailer.position);
    file.fdatasync();
  }

  #prepare({ path, sizeBytes }: PrepareJob): JobResult {
    try {
      return this.#timed(() => this.#grow(path, sizeBytes));
    } catch (error) {
      if (isOpError(error) && error.code === 'DISK_FULL') return { writeMs: 0, syncMs: 0, isDiskFull: true };
      throw error;
    }
  }

  #grow(path: string, sizeBytes: number): void {
    const file = this.#files.open(path, 'create');
    const isNew = file.sizeBytes() === 0;
    try {
      file.preallocate(sizeBytes);
      file.fdatasync();
    } finally {
      file.close();
    }
    // What an earlier process left has its name since the open.
    if (isNew) this.#syncDirectoryOf(path);
  }

  #retire({ path, to }: RetireJob): void {
    if (to === null) this.#files.unlink(path);
    else this.#files.rename(path, to);
    this.#syncDirectoryOf(path);
  }

  #take(file: OpenFile | null): void {
    this.#active?.close();
    this.#active = file;
    this.#missingSizeBytes = null;
  }

  #syncDirectoryOf(path: string): void {
    this.#files.fsyncDirectory(dirname(path));
  }

  #timed(run: () => void): JobResult {
    const startMs = this.#clock.monotonicMs();
    run();
    return { writeMs: 0, syncMs: this.#clock.monotonicMs() - startMs, isDiskFull: false };
  }
}
