// A cut over several volumes is of one instant (F9, decision record 20): whatever was answered to be written before something else was
// asked that is in the cut is in it, too, on whichever volume.
import { formatTag, isAfter, type Tag } from '../block.ts';

interface Done {
  readonly tag: Tag;
  readonly atMs: number;
}

type Contents = ReadonlyMap<number, Tag>;

export class CutJudge {
  readonly #report: (rule: string, text: string) => void;
  readonly #nowMs: () => number;
  readonly #askedMs = new Map<string, number>();
  /** By volume and block: what its current holder was told to be written, and nothing has taken away since. */
  readonly #done = new Map<string, Map<number, Done[]>>();

  constructor(report: (rule: string, text: string) => void, nowMs: () => number) {
    this.#report = report;
    this.#nowMs = nowMs;
  }

  writing(tag: Tag): void {
    this.#askedMs.set(nameOf(tag), this.#nowMs());
  }

  wrote(tag: Tag): void {
    const ofVolume = this.#done.get(tag.volume) ?? new Map<number, Done[]>();
    this.#done.set(tag.volume, ofVolume);
    const ofBlock = ofVolume.get(tag.block) ?? [];
    ofVolume.set(tag.block, [...ofBlock, { tag, atMs: this.#nowMs() }]);
  }

  /** What was not flushed may be gone; what was is judged elsewhere. */
  lost(volume: string | null): void {
    if (volume === null) this.#done.clear();
    else this.#done.delete(volume);
  }

  cut(group: string, volumes: ReadonlyMap<string, Contents>): void {
    const latest = this.#latest(volumes);
    if (latest === null) return;
    for (const [volume, contents] of volumes) {
      for (const [block, done] of this.#done.get(volume) ?? []) {
        const before = done.findLast(({ atMs }) => atMs < latest.askedMs);
        const found = contents.get(block) ?? null;
        if (before === undefined || !isAfter(before.tag, found)) continue;
        const text = `${group} has ${formatTag(latest.tag)}, and of ${volume}[${block}] ${formatTag(found)}`;
        this.#report('F9', `${text}; ${formatTag(before.tag)} was written before`);
        return;
      }
    }
  }

  #latest(volumes: ReadonlyMap<string, Contents>): { readonly tag: Tag; readonly askedMs: number } | null {
    const tags = [...volumes.values()].flatMap((contents) => [...contents.values()]);
    const asked = tags.map((tag) => ({ tag, askedMs: this.#askedMs.get(nameOf(tag)) ?? -Infinity }));
    return asked.toSorted((one, other) => other.askedMs - one.askedMs)[0] ?? null;
  }
}

function nameOf({ volume, sequence }: Tag): string {
  return `${volume} ${sequence}`;
}
