// Who follows the maps of which volumes at this server: one look at the feed for all of them, whenever the state went on. Followers are
// told only that there is something, and read it when their streams have room, so nothing is queued for them here.
import { isOpError, sleep, type Timers } from '@holdfast/base';
import type { MetadataService } from '../service.ts';
import { changesAfter } from '../state/feed.ts';
import type { MapLimits } from './map-limits.ts';

export interface MapFollower {
  /** Something of this volume may have changed behind this revision, and nothing before it that the follower was not told of. */
  onMap(volume: string, behind: number): void;
}

export interface MapFollowersParts {
  readonly service: Pick<MetadataService, 'machine' | 'applied'>;
  readonly limits: MapLimits;
  readonly timers: Timers;
}

/** Also what a map's head says, and who holds it. */
const telling: ReadonlySet<string> = new Set(['map', 'volume', 'intent', 'grant']);

export class MapFollowers {
  readonly #parts: MapFollowersParts;
  readonly #byVolume = new Map<string, Set<MapFollower>>();
  #isLooking = false;

  constructor(parts: MapFollowersParts) {
    this.#parts = parts;
  }

  /** For whoever has just read the state: what is applied from here on is told. */
  enter(volume: string, follower: MapFollower): void {
    const followers = this.#byVolume.get(volume) ?? new Set();
    this.#byVolume.set(volume, followers.add(follower));
    if (this.#isLooking) return;
    this.#isLooking = true;
    void this.#look(this.#parts.service.machine.applied);
  }

  leave(volume: string, follower: MapFollower): void {
    const followers = this.#byVolume.get(volume);
    followers?.delete(follower);
    if (followers?.size === 0) this.#byVolume.delete(volume);
  }

  /** Until nobody follows any more. */
  async #look(from: number): Promise<void> {
    const { service, limits, timers } = this.#parts;
    for (let told = from; this.#byVolume.size > 0;) {
      // Taken before the look: what is applied behind it ends the wait below.
      const { next } = service.applied;
      told = this.#tell(told);
      if (told < service.machine.applied) continue;
      await next;
      await sleep(timers, limits.lookRestMs);
    }
    this.#isLooking = false;
  }

  #tell(told: number): number {
    const { service, limits } = this.#parts;
    try {
      const { changes, revision } = changesAfter(service.machine.database, told, limits.changesPerLook);
      const volumes = new Set(changes.filter(({ kind }) => telling.has(kind)).map(({ key }) => key));
      for (const volume of volumes)
        for (const follower of this.#byVolume.get(volume) ?? []) follower.onMap(volume, told);
      return revision;
    } catch (error) {
      if (!isOpError(error)) throw error;
      // Changes are forgotten, or the database fails: nobody knows whom it concerns, so everybody looks, and meets it.
      for (const [volume, followers] of this.#byVolume) for (const follower of followers) follower.onMap(volume, told);
      return service.machine.applied;
    }
  }
}
