// The bytes of one file on a virtual disk, in two versions: what a reader sees (the page cache) and what would be left
// after a power loss. Everything written since the last sync is kept per sector of 512 bytes, every version of it,
// because the kernel may have written any of them back at any time and in any order.
//
// Changes of the size go through the file system's journal: after a crash the first few of them hold, never a later
// one without an earlier one. A sector written after the file was cut cannot appear in a file that was not.
import { invariant } from './invariant.ts';
import type { Random } from './random.ts';

export const sectorBytes = 512;

/** Versions of one sector between two syncs; past this the second oldest is forgotten. */
const versionsLimit = 16;

/** Of the sectors that syncs put on the medium, how many of the last ones are remembered. */
export const newestSectorsMax = 48;

interface SectorVersion {
  readonly bytes: Uint8Array;
  /** How many changes of the size came before it. */
  readonly resizes: number;
}

interface Resize {
  readonly sizeBytes: number;
  readonly isCut: boolean;
}

/** Where the disk puts a sector that it writes to the wrong place. */
export type Misdirect = (bytes: Uint8Array) => void;

export interface SyncFaults {
  /** Asked for each sector: does the disk lead it astray? */
  readonly isMisdirected: () => boolean;
  readonly misdirect: Misdirect;
}

export class VirtualFileContent {
  #current: Buffer = Buffer.alloc(0);
  #durable: Buffer = Buffer.alloc(0);
  #sizeBytes = 0;
  #durableSizeBytes = 0;
  #resizes: Resize[] = [];
  readonly #dirty = new Map<number, SectorVersion[]>();
  readonly #allocated = new Set<number>();
  /** Of which the disk says that it holds them, and holds something else. */
  readonly #astray = new Set<number>();
  /** The last one last. */
  readonly #newest: number[] = [];

  get sizeBytes(): number {
    return this.#sizeBytes;
  }
  get allocatedSectors(): number {
    return this.#allocated.size;
  }
  get durableSizeBytes(): number {
    return this.#durableSizeBytes;
  }
  get durableSectors(): number {
    return Math.ceil(this.#durableSizeBytes / sectorBytes);
  }
  /** The sectors that syncs put on the medium last, the last one first. */
  get newestSectors(): readonly number[] {
    return this.#newest.toReversed();
  }

  read(into: Uint8Array, position: number): number {
    const endBytes = Math.min(position + into.length, this.#sizeBytes);
    if (endBytes <= position) return 0;
    into.set(this.#current.subarray(position, endBytes));
    return endBytes - position;
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return;
    const endBytes = position + bytes.length;
    if (endBytes > this.#sizeBytes) this.#resize(endBytes);
    this.#current.set(bytes, position);
    for (let sector = sectorOf(position); sector <= sectorOf(endBytes - 1); sector++) {
      this.#allocated.add(sector);
      this.#markDirty(sector);
    }
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes === this.#sizeBytes) return;
    for (const sector of this.#allocated) if (sector * sectorBytes >= sizeBytes) this.#allocated.delete(sector);
    this.#resize(sizeBytes);
  }

  /** Grows to `sizeBytes`; every sector has its place and holds zeroes. */
  preallocate(sizeBytes: number): void {
    if (sizeBytes <= this.#sizeBytes) return;
    for (let sector = sectorOf(this.#sizeBytes); sector <= sectorOf(sizeBytes - 1); sector++)
      this.#allocated.add(sector);
    this.#resize(sizeBytes);
  }

  /** Sectors that the disk has to find when [position, end) is written. */
  missingSectors(position: number, endBytes: number): number {
    let missing = 0;
    for (let sector = sectorOf(position); sector * sectorBytes < endBytes; sector++) {
      if (!this.#allocated.has(sector)) missing++;
    }
    return missing;
  }

  /** Something that was synced went elsewhere, and nothing was written in its place since. */
  get hasGoneAstray(): boolean {
    return this.#astray.size > 0;
  }

  sync(faults: SyncFaults | null): void {
    this.#commitSize(this.#resizes.length);
    for (const [sector, versions] of this.#dirty) {
      const latest = versions.at(-1);
      invariant(latest !== undefined, 'a dirty sector has a version');
      if (faults?.isMisdirected() === true) {
        if (!this.#holds(sector, latest.bytes)) this.#astray.add(sector);
        faults.misdirect(latest.bytes);
        this.#evict(sector);
      } else {
        this.#place(sector, latest.bytes);
        this.#noteNewest(sector);
      }
    }
    this.#dirty.clear();
  }

  #noteNewest(sector: number): void {
    const known = this.#newest.indexOf(sector);
    if (known !== -1) this.#newest.splice(known, 1);
    if (this.#newest.push(sector) > newestSectorsMax) this.#newest.shift();
  }

  /**
   * The disk refused some sectors. As Linux does, they count as clean afterwards: some can still be read until they leave
   * the cache, none is written by a later sync, and that one will say that all is well.
   */
  failSync(random: Random): void {
    this.#commitSize(this.#resizes.length);
    for (const [sector, versions] of this.#dirty) {
      const latest = versions.at(-1);
      invariant(latest !== undefined, 'a dirty sector has a version');
      const fate = random.below(3);
      if (fate === 0) this.#place(sector, latest.bytes);
      else if (fate === 1) this.#evict(sector);
    }
    this.#dirty.clear();
  }

  /** Power loss: `random` chooses among all that the disk may hold. */
  crash(random: Random): void {
    const kept = random.below(this.#resizes.length + 1);
    const resizes = this.#resizes;
    this.#commitSize(kept);
    for (const [sector, versions] of this.#dirty) {
      const possible = versions.filter((version) => !isUnreachable(version, resizes, kept, sector));
      const chosen = possible[random.below(possible.length + 1) - 1];
      if (chosen === undefined) continue;
      // A cut that was kept and came after the version took its tail away.
      const laterSizes = resizes.slice(chosen.resizes, kept).map((resize) => resize.sizeBytes);
      const keptBytes = Math.min(sectorBytes, ...laterSizes.map((size) => Math.max(0, size - sector * sectorBytes)));
      this.#place(sector, Buffer.concat([chosen.bytes.subarray(0, keptBytes)], sectorBytes));
    }
    this.#dirty.clear();
    this.#resizes = [];
    this.#sizeBytes = this.#durableSizeBytes;
    this.#current = Buffer.from(this.#durable);
    this.#allocated.clear();
    for (let sector = 0; sector < this.durableSectors; sector++) this.#allocated.add(sector);
  }

  /** A bit of the medium turns; whoever reads the sector next sees it, unless a newer version waits in the cache. */
  rot(position: number, bit: number): void {
    invariant(position < this.#durableSizeBytes, 'only what is on the disk can rot');
    this.#durable[position] = (this.#durable[position] ?? 0) ^ (1 << bit);
    if (!this.#isDirty(sectorOf(position))) this.#evict(sectorOf(position));
  }

  /** A sector of somebody else lands here. */
  takeAstray(sector: number, bytes: Uint8Array): void {
    this.#place(sector, bytes);
    if (!this.#isDirty(sector)) this.#evict(sector);
  }

  #isDirty(sector: number): boolean {
    return this.#dirty.has(sector);
  }

  #markDirty(sector: number): void {
    const start = sector * sectorBytes;
    const bytes = Buffer.concat(
      [this.#current.subarray(start, Math.min(start + sectorBytes, this.#sizeBytes))],
      sectorBytes,
    );
    const version = { bytes, resizes: this.#resizes.length };
    const versions = this.#dirty.get(sector);
    if (versions === undefined) this.#dirty.set(sector, [version]);
    else {
      if (versions.length >= versionsLimit) versions.splice(1, 1);
      versions.push(version);
    }
  }

  #resize(sizeBytes: number): void {
    const isCut = sizeBytes < this.#sizeBytes;
    if (isCut) this.#current.fill(0, sizeBytes, this.#sizeBytes);
    this.#current = grown(this.#current, sizeBytes);
    this.#sizeBytes = sizeBytes;
    this.#resizes.push({ sizeBytes, isCut });
    if (isCut) this.#cutDirty(sizeBytes);
  }

  /** Dirty pages beyond a cut leave the cache; the versions that the disk may hold already stay possible. */
  #cutDirty(sizeBytes: number): void {
    for (const sector of this.#dirty.keys()) if ((sector + 1) * sectorBytes > sizeBytes) this.#markDirty(sector);
  }

  /** The journal holds the first `kept` changes of the size. */
  #commitSize(kept: number): void {
    const sizes = this.#resizes.slice(0, kept).map((resize) => resize.sizeBytes);
    const lowestBytes = Math.min(this.#durableSizeBytes, ...sizes);
    this.#durable.fill(0, lowestBytes, this.#durableSizeBytes);
    this.#durableSizeBytes = sizes.at(-1) ?? this.#durableSizeBytes;
    this.#durable = grown(this.#durable, this.#durableSizeBytes);
    this.#resizes = this.#resizes.slice(kept);
  }

  #holds(sector: number, bytes: Uint8Array): boolean {
    const start = sector * sectorBytes;
    const end = Math.min(start + sectorBytes, this.#durableSizeBytes);
    return this.#durable.subarray(start, end).equals(bytes.subarray(0, end - start));
  }

  #place(sector: number, bytes: Uint8Array): void {
    this.#astray.delete(sector);
    const start = sector * sectorBytes;
    const length = Math.min(sectorBytes, this.#durableSizeBytes - start);
    if (length > 0) this.#durable.set(bytes.subarray(0, length), start);
  }

  #evict(sector: number): void {
    const start = sector * sectorBytes;
    const end = Math.min(start + sectorBytes, this.#durableSizeBytes, this.#sizeBytes);
    if (start < end) this.#durable.copy(this.#current, start, start, end);
  }
}

/** Written after a cut of this sector that the journal lost: its place belongs to nobody. */
function isUnreachable(version: SectorVersion, resizes: readonly Resize[], kept: number, sector: number): boolean {
  const lost = resizes.slice(kept, version.resizes);
  return lost.some((resize) => resize.isCut && resize.sizeBytes < (sector + 1) * sectorBytes);
}

function sectorOf(position: number): number {
  return Math.floor(position / sectorBytes);
}

/** Doubles, so that a file that is appended to is not copied each time. */
function grown(buffer: Buffer, sizeBytes: number): Buffer {
  if (sizeBytes <= buffer.length) return buffer;
  const larger = Buffer.alloc(Math.max(sizeBytes, buffer.length * 2, 4096));
  buffer.copy(larger);
  return larger;
}
