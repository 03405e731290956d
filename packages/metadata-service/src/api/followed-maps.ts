// The maps that one agent's stream follows, each as long as its grant stands. What is due is read when the stream has room for it, as of
// that moment: however slow the agent reads and however much changes, there is at most one delta of a volume on its way.
import { invariant, OpError } from '@holdfast/base';
import type { sessions } from '@holdfast/rpc';
import type { MetadataMachine } from '../state/machine.ts';
import type { GrantRow, VolumeRow } from '../state/entities.ts';
import { mapDelta } from '../state/map-delta.ts';
import { query } from '../state/query.ts';
import { limitReached } from '../state/state.ts';
import { stateLimits } from '../state/state-limits.ts';
import type { MapFollower, MapFollowers } from './map-followers.ts';
import type { MapLimits } from './map-limits.ts';
import { fromDelta, lostDelta, toOfGrant, type OfGrant } from './map-values.ts';
import type { BySession } from './session-values.ts';
import { toNumber } from './values.ts';

const grantAt = query<GrantRow>('SELECT * FROM grants WHERE volume = ? AND epoch = ?');
const volumeById = query<VolumeRow>('SELECT * FROM volumes WHERE id = ?');

export interface FollowedMapsParts {
  readonly followers: MapFollowers;
  readonly machine: Pick<MetadataMachine, 'database'>;
  readonly limits: MapLimits;
  /** Something may be told. */
  readonly onDue: () => void;
}

interface Followed extends OfGrant {
  readonly session: string;
  /** Everything up to this revision has been told, or is the engine's own. */
  known: number;
  /** What it was told last, and up to where. */
  told: { readonly head: string; readonly revision: number };
}

export class FollowedMaps implements MapFollower {
  readonly #parts: FollowedMapsParts;
  readonly #byVolume = new Map<string, Followed>();
  readonly #due = new Set<string>();

  constructor(parts: FollowedMapsParts) {
    this.#parts = parts;
  }

  /** The first delta has also what the agent did itself: it may be the next of its session, or have lost an answer. */
  follow({ session }: BySession, message: sessions.FollowMap): sessions.MapDelta {
    const of = toOfGrant(message);
    const after = toNumber(message.after, 'after');
    const followed: Followed = { ...of, session, known: after, told: { head: '', revision: after } };
    if (!this.#isHeld(followed)) throw new OpError('GRANT_FENCED', { session, ...of });
    const { grantsPerSession: limit } = stateLimits;
    if (this.#byVolume.size >= limit && !this.#byVolume.has(of.volume)) throw limitReached('followed maps', limit);
    this.#byVolume.set(of.volume, followed);
    this.#parts.followers.enter(of.volume, this);
    const delta = this.#read(followed, null);
    invariant(delta !== null, 'the grant was there in the same turn');
    followed.told = { head: headText(delta), revision: Number(delta.revision) };
    return delta;
  }

  onMap(volume: string, behind: number): void {
    const followed = this.#byVolume.get(volume);
    if (followed === undefined) return;
    // Nothing was due, so nothing has changed up to there; those changes may be forgotten by now.
    if (!this.#due.has(volume)) followed.known = Math.max(followed.known, behind);
    this.#due.add(volume);
    this.#parts.onDue();
  }

  /** What has changed by now, volume after volume. */
  *take(): Generator<sessions.MapDelta, void, void> {
    for (const volume of this.#due) {
      this.#due.delete(volume);
      const followed = this.#byVolume.get(volume);
      if (followed === undefined) continue;
      const delta = this.#read(followed, followed.epoch);
      if (delta !== null && this.#isWorthTelling(followed, delta)) yield delta;
    }
  }

  end(): void {
    for (const volume of [...this.#byVolume.keys()]) this.#leave(volume);
  }

  #isHeld({ volume, epoch, session }: Followed): boolean {
    return this.#parts.machine.database.get(grantAt, volume, epoch)?.session === session;
  }

  /** What a writer converts itself is no news to it. */
  #isWorthTelling(followed: Followed, delta: sessions.MapDelta): boolean {
    const head = headText(delta);
    const { told } = followed;
    const revision = Number(delta.revision);
    const isNews = delta.isLost || delta.places.length > 0 || head !== told.head;
    if (!isNews && revision - told.revision < this.#parts.limits.bookmarkRevisions) return false;
    followed.told = { head, revision };
    return true;
  }

  /** Null when the grant is over, which a renewal says. */
  #read(followed: Followed, except: number | null): sessions.MapDelta | null {
    const { machine, limits } = this.#parts;
    const { database } = machine;
    const { volume, known: after } = followed;
    const row = database.get(volumeById, volume);
    if (row === null || !this.#isHeld(followed)) {
      this.#leave(volume);
      return null;
    }
    const { deltaPlacesMax: placesMax, deltaSegmentsMax: segmentsMax } = limits;
    const delta = mapDelta(database, { volume: row, after, except, placesMax, segmentsMax });
    if (delta === null) {
      this.#leave(volume);
      return lostDelta(followed, after);
    }
    followed.known = delta.revision;
    if (delta.isMore) this.onMap(volume, delta.revision);
    return fromDelta(followed, delta, row.lineage);
  }

  #leave(volume: string): void {
    this.#byVolume.delete(volume);
    this.#due.delete(volume);
    this.#parts.followers.leave(volume, this);
  }
}

function headText({ head }: sessions.MapDelta): string {
  if (head === null) return '';
  const { extents, revision, sharedTo, intent } = head;
  return [extents, revision, sharedTo, intent].join(' ');
}
