// What a snapshot holds (F9): at its cut everything that was flushed, and from then on the same for ever.
import { extentBlocks, formatTag, type Tag } from '../block.ts';
import type { MetadataState, VolumeMap } from '../metadata/state.ts';
import type { DataJudge } from './data-judge.ts';
import type { Facts } from './facts.ts';

interface Cut {
  readonly volume: string;
  readonly snapshot: string;
  readonly contents: Map<number, Tag>;
}

export class SnapshotJudge {
  readonly #facts: Facts;
  readonly #data: DataJudge;
  readonly #cuts = new Map<string, Cut>();

  constructor(facts: Facts, data: DataJudge) {
    this.#facts = facts;
    this.#data = data;
  }

  /** A commit was applied: what is there for the first time was cut by it. */
  committed(state: MetadataState, name: string): void {
    const volume = state.volumes[name];
    for (const [snapshot, map] of Object.entries(volume?.snapshots ?? {})) {
      const key = `${name}@${snapshot}`;
      if (volume === undefined || this.#cuts.has(key)) continue;
      const contents = this.#contents(volume.pool, map);
      this.#cuts.set(key, { volume: name, snapshot, contents });
      for (const [block, floor] of this.#data.floorOf(name)) {
        this.#data.judgeValue({ volume: name, block, bound: floor }, contents.get(block) ?? null, 'F9');
      }
    }
  }

  /** It is about to be made; an earlier one of its name was deleted. */
  making(name: string, snapshot: string): void {
    this.#cuts.delete(`${name}@${snapshot}`);
  }

  /** All volumes of a group at once. */
  committedGroup(state: MetadataState, group: string, volumes: readonly string[]): void {
    const contents = new Map<string, ReadonlyMap<number, Tag>>();
    for (const name of volumes) {
      this.committed(state, name);
      const cut = this.#cuts.get(`${name}@${group} of ${name}`);
      if (cut !== undefined && !this.#data.isSpoiled(name)) contents.set(name, cut.contents);
    }
    this.#data.cuts.cut(group, contents);
  }

  #contents(pool: string, map: VolumeMap): Map<number, Tag> {
    const devices = this.#facts.pools.get(pool)?.devices ?? [];
    const contents = new Map<number, Tag>();
    for (const [at, { extent }] of Object.entries(map)) {
      for (let offset = 0; offset < extentBlocks; offset++) {
        const tag = devices[extent % devices.length]?.contents(extent * extentBlocks + offset)?.data ?? null;
        if (tag !== null) contents.set(Number(at) * extentBlocks + offset, tag);
      }
    }
    return contents;
  }

  cloned({
    volume,
    snapshot,
    clone,
  }: {
    readonly volume: string;
    readonly snapshot: string;
    readonly clone: string;
  }): void {
    const cut = this.#cuts.get(`${volume}@${snapshot}`);
    if (cut !== undefined) this.#data.cloned(clone, volume, cut.contents);
  }

  forget(): void {
    this.#cuts.clear();
  }

  /** Everything that still is there is as it was cut. */
  conclude(state: MetadataState): void {
    for (const { volume: name, snapshot, contents } of this.#cuts.values()) {
      const volume = state.volumes[name];
      const map = volume?.snapshots[snapshot];
      if (volume === undefined || map === undefined || this.#data.isSpoiled(name)) continue;
      const found = this.#contents(volume.pool, map);
      for (const block of new Set([...contents.keys(), ...found.keys()])) {
        const [was, is] = [contents.get(block) ?? null, found.get(block) ?? null];
        if (was === is) continue;
        this.#facts.report('F9', `${name}@${snapshot}[${block}] was ${formatTag(was)} and is ${formatTag(is)}`);
        return;
      }
    }
  }
}
