// The naive model of volumes, snapshots and clones that the property test compares the state with: a map is an object from extent to
// extent, a snapshot a copy of it, and who still needs what is found by looking at everything.
import type { Extents } from './entities.ts';

export type PlainMap = Map<number, number>;

export interface ModelSnapshot {
  readonly name: string;
  readonly map: PlainMap;
  readonly extents: number;
  readonly of: ModelLineage;
  isVisible: boolean;
}

/** A volume and what is left of it. */
export interface ModelLineage {
  map: PlainMap | null;
  extents: number;
  readonly depth: number;
  readonly origin: ModelSnapshot | null;
}

export interface ModelGrant {
  readonly volume: string;
  readonly epoch: number;
  readonly node: string;
  readonly session: string;
  /** Extents leased and not used, by number. */
  readonly leased: Set<number>;
}

export class MapModel {
  readonly volumes = new Map<string, ModelLineage>();
  readonly lineages: ModelLineage[] = [];
  readonly snapshots: ModelSnapshot[] = [];
  readonly grants: ModelGrant[] = [];

  create(name: string, extents: number, origin: ModelSnapshot | null = null): void {
    const map: PlainMap = new Map(origin?.map);
    const lineage = { map, extents, origin, depth: origin === null ? 0 : origin.of.depth + 1 };
    this.volumes.set(name, lineage);
    this.lineages.push(lineage);
  }

  share(volume: string, name: string): void {
    const lineage = this.volumes.get(volume);
    if (!lineage?.map) throw new Error(`there is no volume ${volume}`);
    this.snapshots.push({ name, map: new Map(lineage.map), extents: lineage.extents, of: lineage, isVisible: true });
  }

  isNeeded(snapshot: ModelSnapshot): boolean {
    return snapshot.isVisible || this.lineages.some((lineage) => lineage.origin === snapshot && this.isAlive(lineage));
  }
  isAlive(lineage: ModelLineage): boolean {
    return (
      lineage.map !== null || this.snapshots.some((snapshot) => snapshot.of === lineage && this.isNeeded(snapshot))
    );
  }

  /** Extents that some map names. */
  mapped(): Set<number> {
    const mapped = new Set<number>();
    for (const { map } of this.volumes.values()) for (const extent of map?.values() ?? []) mapped.add(extent);
    for (const snapshot of this.snapshots) {
      if (this.isNeeded(snapshot)) for (const extent of snapshot.map.values()) mapped.add(extent);
    }
    return mapped;
  }

  leased(): number {
    return this.grants.reduce((sum, { leased }) => sum + leased.size, 0);
  }
}

/** Runs of one device as extents, one by one. */
export function eachExtent(runs: readonly Extents[]): number[] {
  return runs.flatMap(({ start, length }) => Array.from({ length }, (_, at) => start + at));
}
