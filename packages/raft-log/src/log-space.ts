// The files that wait to become the next chunk: a spare, made ahead of need, and the reserve, which is given up when the disk is
// full. A reserve is a whole chunk, so giving it up needs no free block: it becomes the chunk in which votes, truncations and
// purges go on until there is room for entries again.
import { join } from 'node:path';
import type { Files } from '@holdfast/base';
import { reserveName } from './chunk-files.ts';
import type { PrepareJob } from './job.ts';
import type { LogLimits } from './log-limits.ts';

interface PreparedFile {
  readonly path: string;
  sizeBytes: number;
  /** It may hold what an earlier life left. */
  isRecycled: boolean;
}

export interface NextFile {
  readonly path: string;
  readonly isRecycled: boolean;
}

export class LogSpace {
  readonly #directory: string;
  readonly #limits: LogLimits;
  #spare: PreparedFile | null = null;
  #reserve: PreparedFile;
  #spareNumber = 0;
  /** The disk refused to give room, and nobody has tried again since. */
  #isBlocked = false;
  /** Entries found no chunk to go on in; they are refused until a spare is there. */
  #isFull = false;
  /** An earlier process had given the reserve up: entries wait until a spare is there, or refused. */
  #isReserveInUse = false;

  constructor(directory: string, limits: LogLimits) {
    this.#directory = directory;
    this.#limits = limits;
    this.#reserve = this.#noReserve();
  }

  /** Takes over what an earlier process left. The paths of files that nobody wants are returned: a second spare, and what is too large. */
  adopt(files: Files, spares: readonly string[]): readonly string[] {
    const sizeOf = (path: string): number => files.stat(path)?.sizeBytes ?? 0;
    const isOfUse = (path: string): boolean => sizeOf(path) <= this.#limits.chunkBytes;
    const first = spares.find(isOfUse);
    if (first !== undefined) this.#spare = { path: first, sizeBytes: sizeOf(first), isRecycled: true };
    this.#spareNumber = Math.max(0, ...spares.map((path) => Number(/\d+$/.exec(path)?.[0] ?? 0)));
    const { path } = this.#reserve;
    if (isOfUse(path)) this.#reserve = { path, sizeBytes: sizeOf(path), isRecycled: true };
    this.#isReserveInUse = !this.hasSpare && !this.hasReserve;
    return [...spares.filter((each) => each !== first), ...(isOfUse(path) ? [] : [path])];
  }

  get isFull(): boolean {
    return this.#isFull;
  }
  get isReserveInUse(): boolean {
    return this.#isReserveInUse;
  }
  get hasSpare(): boolean {
    return this.#isWhole(this.#spare);
  }
  get hasReserve(): boolean {
    return this.#isWhole(this.#reserve);
  }
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** The file for the next chunk. The reserve is taken only when the disk gives no other. */
  takeNext(): NextFile | null {
    const spare = this.#spare;
    if (spare !== null && this.hasSpare) {
      this.#spare = null;
      return spare;
    }
    if (!this.#isBlocked || !this.hasReserve) return null;
    const reserve = this.#reserve;
    this.#reserve = this.#noReserve();
    return reserve;
  }

  /** The next step towards a spare, and then towards a reserve; null when both are there or the disk is full. */
  nextStep(): PrepareJob | null {
    if (this.#isBlocked) return null;
    if (!this.hasSpare) return this.#step(this.#spare ?? this.#beginSpare());
    return this.hasReserve ? null : this.#step(this.#reserve);
  }

  stepped(job: PrepareJob, isDiskFull: boolean): void {
    if (isDiskFull) {
      this.#isBlocked = true;
      return;
    }
    for (const file of [this.#spare, this.#reserve]) if (file?.path === job.path) file.sizeBytes = job.sizeBytes;
    this.#noteSpare();
  }

  /** Entries found no room. */
  enterFull(): void {
    this.#isFull = true;
  }

  /** Space may have come back. */
  tryAgain(): void {
    this.#isBlocked = false;
  }

  /** Where a chunk that nobody needs is wanted, if need be over a spare that is not whole; null: nowhere. */
  retirementPath(): string | null {
    if (!this.hasSpare) return this.#spare?.path ?? this.#spareName();
    return this.#reserve.sizeBytes === 0 ? this.#reserve.path : null;
  }

  retired(to: string | null, sizeBytes: number): void {
    this.tryAgain();
    if (to === null) return;
    const file = { path: to, sizeBytes, isRecycled: true };
    if (to === this.#reserve.path) this.#reserve = file;
    else this.#spare = file;
    this.#noteSpare();
  }

  #noteSpare(): void {
    if (!this.hasSpare) return;
    this.#isFull = false;
    this.#isReserveInUse = false;
  }

  #step(file: PreparedFile): PrepareJob {
    const sizeBytes = Math.min(this.#limits.chunkBytes, file.sizeBytes + this.#limits.prepareBytes);
    return { kind: 'prepare', path: file.path, sizeBytes };
  }

  #beginSpare(): PreparedFile {
    this.#spare = { path: this.#spareName(), sizeBytes: 0, isRecycled: false };
    return this.#spare;
  }

  #spareName(): string {
    this.#spareNumber++;
    return join(this.#directory, `spare-${this.#spareNumber}`);
  }

  #isWhole(file: PreparedFile | null): boolean {
    return file?.sizeBytes === this.#limits.chunkBytes;
  }

  #noReserve(): PreparedFile {
    return { path: join(this.#directory, reserveName), sizeBytes: 0, isRecycled: false };
  }
}
