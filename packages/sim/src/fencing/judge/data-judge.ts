// What users may read (F6, F8, F9): nothing older than what was flushed, than what a holder let go of with `released`, and than what
// the same holder was told to be written; and never a block of a volume that is none of theirs.
import { extentBlocks, formatTag, isAfter, type Tag, type Writer } from '../block.ts';
import { CutJudge } from './cut-judge.ts';

interface Done {
  readonly tag: Tag;
  readonly atMs: number;
}

interface VolumeData {
  /** What must be there or newer; a clone begins with blocks of its source. */
  readonly floor: Map<number, Tag>;
  /** Written and not flushed, by the current holder. */
  readonly dirty: Map<number, Done>;
  /** The volume's own name, and those of the volumes that it was cloned from. */
  readonly lineage: Set<string>;
  /** Blocks of the source as they were cloned. */
  readonly base: Map<number, Tag>;
}

interface Reading {
  readonly bound: Tag | null;
  readonly volume: string;
  readonly block: number;
}

export class DataJudge {
  readonly cuts: CutJudge;
  readonly #report: (rule: string, text: string) => void;
  readonly #nowMs: () => number;
  readonly #volumes = new Map<string, VolumeData>();
  readonly #flushes = new Map<number, { readonly volume: string; readonly dirty: readonly [number, Done][] }>();
  readonly #readings = new Map<number, Reading>();
  /** Where a late write was shown that a pool does not promise to stop: what is read there proves nothing. */
  readonly #spoiled = new Set<string>();
  #powerLostMs = -1;
  #ticket = 0;

  constructor(report: (rule: string, text: string) => void, nowMs: () => number) {
    this.cuts = new CutJudge(report, nowMs);
    this.#report = report;
    this.#nowMs = nowMs;
  }

  #of(volume: string): VolumeData {
    const known = this.#volumes.get(volume);
    if (known !== undefined) return known;
    const made = { floor: new Map(), dirty: new Map(), lineage: new Set([volume]), base: new Map() };
    this.#volumes.set(volume, made);
    return made;
  }

  spoil(volume: string): void {
    this.#spoiled.add(volume);
  }
  isSpoiled(volume: string): boolean {
    return this.#spoiled.has(volume);
  }
  powerLost(): void {
    this.#powerLostMs = this.#nowMs();
    this.cuts.lost(null);
    // Of what is being read, too, only what was flushed must still be there.
    for (const [ticket, reading] of this.#readings) {
      const bound = this.#of(reading.volume).floor.get(reading.block) ?? null;
      if (reading.bound !== null) this.#readings.set(ticket, { ...reading, bound });
    }
  }

  wrote(tag: Tag): void {
    this.cuts.wrote(tag);
    this.#of(tag.volume).dirty.set(tag.block, { tag, atMs: this.#nowMs() });
  }

  flushing({ volume }: Writer): number {
    this.#flushes.set(++this.#ticket, { volume, dirty: [...this.#of(volume).dirty] });
    return this.#ticket;
  }

  flushed(ticket: number): void {
    const flush = this.#flushes.get(ticket);
    if (flush === undefined) return;
    const data = this.#of(flush.volume);
    for (const [block, done] of flush.dirty) {
      this.#raise(data, block, done.tag);
      if (data.dirty.get(block) === done) data.dirty.delete(block);
    }
    this.#flushes.delete(ticket);
  }

  #raise({ floor }: VolumeData, block: number, tag: Tag): void {
    const known = floor.get(block);
    if (known?.volume !== tag.volume || isAfter(tag, known)) floor.set(block, tag);
  }

  /** `released` says that everything written is flushed; any other end of a holder leaves open what became of the rest. */
  ended(volume: string, isFlushed: boolean): void {
    const data = this.#of(volume);
    if (isFlushed) for (const [block, { tag }] of data.dirty) this.#raise(data, block, tag);
    data.dirty.clear();
    this.cuts.lost(volume);
  }

  unmapped(volume: string, from: number, to: number): void {
    const data = this.#of(volume);
    this.cuts.lost(volume);
    for (let block = from * extentBlocks; block < to * extentBlocks; block++) {
      data.floor.delete(block);
      data.dirty.delete(block);
      data.base.delete(block);
    }
    for (const [ticket, reading] of this.#readings) {
      const at = Math.floor(reading.block / extentBlocks);
      if (reading.volume === volume && at >= from && at < to) this.#readings.set(ticket, { ...reading, bound: null });
    }
    for (const [ticket, flush] of this.#flushes) {
      if (flush.volume !== volume) continue;
      const dirty = flush.dirty.filter(([block]) => block < from * extentBlocks || block >= to * extentBlocks);
      this.#flushes.set(ticket, { volume, dirty });
    }
  }

  cloned(clone: string, source: string, contents: ReadonlyMap<number, Tag>): void {
    const data = this.#of(clone);
    for (const name of this.#of(source).lineage) data.lineage.add(name);
    for (const [block, tag] of contents) {
      data.floor.set(block, tag);
      data.base.set(block, tag);
    }
    if (this.#spoiled.has(source)) this.#spoiled.add(clone);
  }

  /** What a backup did not know is lost or another's by its restore; only volumes that are made after it are held to anything. */
  forget(): void {
    for (const name of this.#volumes.keys()) this.#spoiled.add(name);
    this.#flushes.clear();
    this.#readings.clear();
    this.cuts.lost(null);
  }

  floorOf(volume: string): ReadonlyMap<number, Tag> {
    return this.#of(volume).floor;
  }

  reading({ volume, generation, epoch }: Writer, block: number): number {
    const { floor, dirty } = this.#of(volume);
    const own = dirty.get(block) ?? null;
    const isKept = own !== null && own.atMs > this.#powerLostMs;
    const isOwn = own?.tag.epoch === epoch && own.tag.generation === generation;
    const bound = isKept && isOwn ? own.tag : (floor.get(block) ?? null);
    this.#readings.set(++this.#ticket, { bound, volume, block });
    return this.#ticket;
  }

  read(ticket: number, data: Tag | null, isHolder: boolean): void {
    const reading = this.#readings.get(ticket);
    this.#readings.delete(ticket);
    if (reading === undefined || this.#spoiled.has(reading.volume)) return;
    const { volume, block, bound } = reading;
    if (data !== null && !this.#of(volume).lineage.has(data.volume)) {
      this.#report('F10', `a read of ${volume}[${block}] answered ${formatTag(data)}`);
      return;
    }
    if (isHolder) this.judgeValue({ volume, block, bound }, data, 'F6');
  }

  /** Whether `data` may stand where `bound` or something newer has to. */
  judgeValue({ volume, block, bound }: Reading, data: Tag | null, rule: string): void {
    if (bound === null || this.#spoiled.has(volume)) return;
    const isBase = data !== null && data.volume !== volume;
    const isOlder = isBase
      ? bound.volume === volume || data.sequence !== bound.sequence
      : bound.volume === volume && isAfter(bound, data);
    if (isOlder || data === null) {
      this.#report(rule, `${volume}[${block}] holds ${formatTag(data)}, and ${formatTag(bound)} was promised`);
    }
  }
}
