import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { VolumeRow } from './entities.ts';
import { MapModel, eachExtent, type ModelGrant, type PlainMap } from './map-model.ts';
import { mapDelta } from './map-delta.ts';
import { Bound, segments, type View } from './map-view.ts';
import { query } from './query.ts';
import { stateProblems } from './state-problems.ts';
import { nodeCommand, poolCommand, Story, volumeCommand } from './state-testing.ts';

const deviceExtents = 120;
const volumeExtents = 24;
/** Above as many deaths as there are snapshots here. */
const boundOfTest = 8;
const volumeRow = query<VolumeRow>('SELECT * FROM volumes WHERE id = ?');
const poolRow = query<{
  readonly free: number;
  readonly mapped: number;
  readonly leased: number;
  readonly quarantined: number;
}>('SELECT free, mapped, leased, quarantined FROM pools');
const lineageOfVolume = query<{ readonly lineage: number }>('SELECT lineage FROM volumes WHERE id = ?');
const viewOfSnapshot = query<View>('SELECT lineage, generation FROM snapshots WHERE id = ?');
const countLineages = query<{ readonly count: number }>('SELECT COUNT(*) AS count FROM lineages');

/** A step of the test: a number picks what, the others pick of what. */
interface Step {
  readonly kind: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

class World {
  readonly story = new Story();
  readonly model = new MapModel();
  /** Sessions by node; a node that was fenced registers again. */
  readonly sessions = new Map<string, { session: string; boot: number }>();
  /** Of every session that there was. */
  readonly #agents = new Map<string, number>();
  /** Sessions that ended and are not certified yet, with the extents that their engines knew. */
  readonly loud = new Map<string, ReadonlySet<number>>();
  readonly heard = new Map<string, { readonly map: PlainMap; readonly known: number }>();
  /** What a clone began with: the first page of its map. */
  readonly #origins = new Map<string, PlainMap>();
  #names = 0;

  constructor() {
    this.story.do(poolCommand('pool', { fencesPerHour: 1_000_000 }));
    this.story.do({ kind: 'addDevice', pool: 'pool', device: 'disk', extents: deviceExtents });
    for (const node of ['n1', 'n2']) this.#register(node);
  }

  #register(node: string): void {
    const before = this.sessions.get(node);
    const boot = (before?.boot ?? 0) + 1;
    const secretHash = new Uint8Array([boot]);
    const properties = { boot: `boot ${boot}`, secretHash, after: before?.session ?? null };
    const { session, agent } = this.story.do<'registerNode'>(nodeCommand(node, properties));
    this.sessions.set(node, { session, boot });
    this.#agents.set(session, agent);
  }

  step(step: Step): void {
    const steps = [
      this.#create,
      this.#open,
      this.#write,
      this.#write,
      this.#write,
      this.#share,
      this.#unmap,
      this.#close,
    ];
    const more = [
      this.#deleteVolume,
      this.#deleteSnapshot,
      this.#clone,
      this.#fence,
      this.#certify,
      this.#reclaim,
      this.#write,
      this.#discard,
      this.#giveBack,
      this.#catchUp,
    ];
    [...steps, ...more][step.kind]?.call(this, step);
  }

  #create(): void {
    const name = `v${++this.#names}`;
    if (this.model.volumes.size >= 4) return;
    this.story.do(volumeCommand(name, { extents: volumeExtents }));
    this.model.create(name, volumeExtents);
  }

  #volume(pick: number): string | null {
    return [...this.model.volumes.keys()][pick % Math.max(1, this.model.volumes.size)] ?? null;
  }
  #grant(pick: number): ModelGrant | null {
    return this.model.grants[pick % Math.max(1, this.model.grants.length)] ?? null;
  }
  #agent({ session }: { readonly session: string }): { readonly session: string; readonly agent: number } {
    return { session, agent: this.#agents.get(session) ?? 0 };
  }
  #isFenced({ session }: { readonly session: string }): boolean {
    return this.loud.has(session);
  }

  #open({ a, b }: Step): void {
    const volume = this.#volume(a);
    const node = b % 2 === 0 ? 'n1' : 'n2';
    if (volume === null) return;
    const held = this.model.grants.find((grant) => grant.volume === volume);
    const session = this.sessions.get(node)?.session ?? '';
    const code = this.story.try({ kind: 'publish', volume, node, mode: 'write' });
    if (held !== undefined) {
      const isOwn = held.session === session;
      expect([null, 'VOLUME_BUSY', 'VOLUME_HELD']).toContain(code);
      expect(code === null).toBe(isOwn);
      return;
    }
    expect(code).toBe(null);
    const { epoch } = this.story.do<'publish'>({ kind: 'publish', volume, node, mode: 'write' });
    this.model.grants.push({ volume, epoch, node, session, leased: new Set() });
  }

  /** Leases what it lacks, and maps a run of it to a place that is all unmapped, or all one run. */
  #write({ a, b, c }: Step): void {
    const grant = this.#grant(a);
    if (grant === null) return;
    const { volume, epoch } = grant;
    const key = { ...this.#agent(grant), volume, epoch };
    if (this.#isFenced(grant)) {
      expect(this.story.try({ kind: 'allocate', ...key, extents: 1 })).toBe('SESSION_ENDED');
      return;
    }
    const length = 1 + (c % 5);
    if (grant.leased.size < length && !this.#lease(grant, length)) return;
    const start = [...grant.leased].find((extent) => everyOf(length, (at) => grant.leased.has(extent + at)));
    const logical = b % (volumeExtents - length);
    const map = this.model.volumes.get(volume)?.map ?? new Map<number, number>();
    const first = map.get(logical);
    const expected = everyOf(length, (at) => map.get(logical + at) === (first === undefined ? undefined : first + at));
    if (start === undefined) return;
    const expect_ = first === undefined ? null : { device: 1, start: first };
    const entries = [{ logical, length, device: 1, start, expect: expect_ }];
    const revision = this.#revision(volume);
    const code = this.story.try({ kind: 'convert', ...key, revision, entries });
    expect(code).toBe(expected ? null : 'MAP_ENTRY_CHANGED');
    if (code !== null) return;
    for (let at = 0; at < length; at++) {
      map.set(logical + at, start + at);
      grant.leased.delete(start + at);
    }
    // Sent once more, outside of any client session, it finds itself done.
    expect(this.story.try({ kind: 'convert', ...key, revision, entries })).toBe(null);
    const elsewhere = [{ logical, length, device: 1, start: start + 1, expect: { device: 1, start } }];
    const isLeased = everyOf(length, (at) => grant.leased.has(start + 1 + at));
    if (!isLeased)
      expect(this.story.try({ kind: 'convert', ...key, revision, entries: elsewhere })).toBe('LEASE_UNKNOWN');
  }

  #lease(grant: ModelGrant, extents: number): boolean {
    const { volume, epoch } = grant;
    const free = this.story.machine.database.get(poolRow)?.free ?? 0;
    const command = { kind: 'allocate', ...this.#agent(grant), volume, epoch, extents } as const;
    if (free === 0) {
      expect(this.story.try(command)).toBe('POOL_FULL');
      return false;
    }
    const leased = eachExtent(this.story.do<'allocate'>(command).runs);
    expect(leased).toHaveLength(Math.min(extents, free));
    // F10: nothing that somebody may still write to or read is given to somebody else.
    for (const known of this.loud.values()) expect(leased.filter((extent) => known.has(extent))).toEqual([]);
    for (const extent of leased) grant.leased.add(extent);
    return true;
  }

  /** A run of the map that goes on from one place; where there is none, nothing has to go. */
  #discard({ a, b, c }: Step): void {
    const grant = this.#grant(a);
    if (grant === null || this.#isFenced(grant)) return;
    const { volume, epoch } = grant;
    const length = 1 + (c % 5);
    const logical = b % (volumeExtents - length);
    const map = this.model.volumes.get(volume)?.map ?? new Map<number, number>();
    const first = map.get(logical) ?? 0;
    const key = { ...this.#agent(grant), volume, epoch, revision: this.#revision(volume) };
    const command = {
      kind: 'discard',
      ...key,
      entries: [{ logical, length, expect: { device: 1, start: first } }],
    } as const;
    const isRun = everyOf(length, (at) => map.get(logical + at) === first + at);
    const isEmpty = everyOf(length, (at) => !map.has(logical + at));
    expect(this.story.try(command)).toBe(isRun || isEmpty ? null : 'MAP_ENTRY_CHANGED');
    if (!isRun) return;
    for (let at = 0; at < length; at++) map.delete(logical + at);
    expect(this.story.try(command)).toBe(null);
  }

  #giveBack({ a, b }: Step): void {
    const grant = this.#grant(a);
    if (grant === null || this.#isFenced(grant)) return;
    const { volume, epoch } = grant;
    const [start] = [...grant.leased].slice(b % Math.max(1, grant.leased.size));
    if (start === undefined) return;
    const command = {
      kind: 'returnLeases',
      ...{ ...this.#agent(grant), volume, epoch },
      runs: [{ device: 1, start, length: 1 }],
    } as const;
    this.story.do(command);
    grant.leased.delete(start);
    expect(this.story.try(command)).toBe('LEASE_UNKNOWN');
  }

  /** Somebody who only ever hears deltas, a few places at a time. */
  #catchUp({ a }: Step): void {
    const volume = this.#volume(a);
    if (volume !== null) this.#hear(volume);
  }

  #hear(volume: string): PlainMap {
    const { database } = this.story.machine;
    const row = database.get(volumeRow, volume);
    if (row === null) throw new Error(`there is no volume ${volume}`);
    const { map, known } = this.heard.get(volume) ?? { map: new Map(this.#origins.get(volume)), known: 0 };
    for (let after = known, isMore = true; isMore;) {
      const limits = { placesMax: 2, segmentsMax: volumeExtents };
      const delta = mapDelta(database, { volume: row, after, except: null, ...limits });
      if (delta === null) throw new Error('nothing is forgotten here');
      expect(delta.revision).toBeGreaterThanOrEqual(after);
      for (const { start, length } of delta.places) for (let at = 0; at < length; at++) map.delete(start + at);
      for (const { logical, length, physical } of delta.segments)
        for (let at = 0; at < length; at++) map.set(logical + at, physical + at);
      ({ revision: after, isMore } = delta);
      this.heard.set(volume, { map, known: after });
    }
    return map;
  }

  #revision(volume: string): number {
    const revisionOf = query<{ readonly revision: number }>('SELECT revision FROM volumes WHERE id = ?');
    return this.story.machine.database.get(revisionOf, volume)?.revision ?? 0;
  }

  #share({ a }: Step): void {
    const volume = this.#volume(a);
    if (volume === null || this.model.snapshots.filter(({ isVisible }) => isVisible).length >= 5) return;
    const name = `s${++this.#names}`;
    if (!this.#narrow(volume, { what: 'share', snapshot: name, name, start: 0, stop: 0 })) return;
    this.model.share(volume, name);
  }

  #unmap({ a, b, c }: Step): void {
    const volume = this.#volume(a);
    if (volume === null) return;
    const start = b % volumeExtents;
    const stop = Math.min(volumeExtents, start + 1 + (c % 9));
    if (!this.#narrow(volume, { what: 'unmap', snapshot: null, name: null, start, stop })) return;
    const map = this.model.volumes.get(volume)?.map;
    for (let at = start; at < stop; at++) map?.delete(at);
  }

  /** False if a fenced owner does not acknowledge: the intent is withdrawn. */
  #narrow(
    volume: string,
    what: { what: 'share' | 'unmap'; snapshot: string | null; name: string | null; start: number; stop: number },
  ): boolean {
    const intent = `i${++this.#names}`;
    const asked = { kind: 'intend', volume, intent, expected: this.#revision(volume), ...what } as const;
    const of = { volume, intent, revision: this.story.do<'intend'>(asked).revision };
    const commit = { kind: 'commitIntent', ...of, atMs: 0 } as const;
    for (const grant of this.model.grants.filter((each) => each.volume === volume)) {
      expect(this.story.try(commit)).toBe('INTENT_INCOMPLETE');
      const code = this.story.try({ kind: 'acknowledge', ...this.#agent(grant), ...of });
      expect(code).toBe(this.#isFenced(grant) ? 'SESSION_ENDED' : null);
      if (code === null) continue;
      this.story.do({ kind: 'withdrawIntent', ...of });
      return false;
    }
    if (what.what === 'share' && this.model.grants.every((each) => each.volume !== volume)) {
      // What the last holder left in a device's cache is flushed by anybody.
      expect(this.story.try(commit)).toBe('INTENT_INCOMPLETE');
      const session = this.sessions.get('n1')?.session ?? '';
      this.story.do({ kind: 'acknowledge', ...this.#agent({ session }), ...of });
    }
    expect(this.story.do<'commitIntent'>(commit).isDone).toBe(true);
    return true;
  }

  #close({ a }: Step): void {
    const grant = this.#grant(a);
    if (grant === null) return;
    const { volume, epoch, node } = grant;
    const code = this.story.try({ kind: 'release', ...this.#agent(grant), volume, epoch, as: 'released' });
    expect(code).toBe(this.#isFenced(grant) ? 'SESSION_ENDED' : null);
    const { isDone, waitsFor } = this.story.do<'unpublish'>({ kind: 'unpublish', volume, node });
    expect([isDone, waitsFor]).toEqual(code === null ? [true, []] : [false, [grant.session]]);
    if (code === null) this.model.grants.splice(this.model.grants.indexOf(grant), 1);
  }

  #deleteVolume({ a }: Step): void {
    const volume = this.#volume(a);
    if (volume === null) return;
    const isHeld = this.model.grants.some((grant) => grant.volume === volume);
    const code = this.story.try({ kind: 'deleteVolume', volume });
    if (isHeld) expect(['VOLUME_BUSY', 'VOLUME_HELD']).toContain(code);
    else if (code !== null) expect(code).toBe('VOLUME_BUSY');
    if (code !== null) return;
    const lineage = this.model.volumes.get(volume);
    if (lineage !== undefined) lineage.map = null;
    this.model.volumes.delete(volume);
  }

  #deleteSnapshot({ a }: Step): void {
    const visible = this.model.snapshots.filter(({ isVisible }) => isVisible);
    const snapshot = visible[a % Math.max(1, visible.length)];
    if (snapshot === undefined) return;
    this.story.do({ kind: 'deleteSnapshot', snapshot: snapshot.name });
    snapshot.isVisible = false;
  }

  #clone({ a }: Step): void {
    const visible = this.model.snapshots.filter(({ isVisible }) => isVisible);
    const snapshot = visible[a % Math.max(1, visible.length)];
    if (snapshot === undefined || this.model.volumes.size >= 6) return;
    const volume = `v${++this.#names}`;
    const asked = { volume, name: volume, tenant: '', extents: volumeExtents, attributes: '' };
    const code = this.story.try({ kind: 'cloneVolume', snapshot: snapshot.name, ...asked });
    expect(code).toBe(snapshot.of.depth >= 8 ? 'STATE_LIMIT_REACHED' : null);
    if (code !== null) return;
    this.model.create(volume, volumeExtents, snapshot);
    this.#origins.set(volume, new Map(snapshot.map));
  }

  /** The node's session expires; its machine comes back as another incarnation. */
  #fence({ a }: Step): void {
    const node = a % 2 === 0 ? 'n1' : 'n2';
    const session = this.sessions.get(node)?.session ?? '';
    const grants = this.model.grants.filter((grant) => grant.session === session);
    if (grants.length === 0) return;
    this.story.do({ kind: 'endSession', session, reason: 'expired', term: 1, by: null, atMs: 0 });
    const known = grants.flatMap(({ volume, leased }) => [
      ...leased,
      ...(this.model.volumes.get(volume)?.map?.values() ?? []),
    ]);
    this.loud.set(session, new Set(known));
    this.#register(node);
  }

  #certify({ a }: Step): void {
    const session = [...this.loud.keys()][a % Math.max(1, this.loud.size)];
    if (session === undefined) return;
    const evidence = { readBacks: [], waitedInTerm: 1 };
    this.story.do({ kind: 'certifySession', session, pool: 'pool', as: 'expired', evidence, by: null, atMs: 0 });
    this.loud.delete(session);
    for (const grant of this.model.grants.filter((each) => each.session === session)) {
      this.model.grants.splice(this.model.grants.indexOf(grant), 1);
      this.story.do({ kind: 'unpublish', volume: grant.volume, node: grant.node });
    }
  }

  #reclaim(): void {
    this.story.do({ kind: 'reclaim', pool: 'pool' });
  }

  /** Page by page, and none of them passes many runs. */
  view(view: View): PlainMap {
    const map: PlainMap = new Map();
    for (let from: number | null = 0; from !== null;) {
      const range = { from, to: volumeExtents };
      const bound = new Bound(boundOfTest);
      for (const { logical, length, physical } of segments(this.story.machine.database, view, range, bound)) {
        for (let at = 0; at < length; at++) {
          expect(map.has(logical + at)).toBe(false);
          map.set(logical + at, physical + at);
        }
      }
      expect(bound.stoppedAt ?? volumeExtents).toBeGreaterThan(from);
      from = bound.stoppedAt;
    }
    return map;
  }

  check(): void {
    const { database } = this.story.machine;
    expect(stateProblems(database)).toEqual([]);
    for (const [volume, { map }] of this.model.volumes) {
      const lineage = database.get(lineageOfVolume, volume)?.lineage ?? 0;
      expect(sorted(this.view({ lineage, generation: null }))).toEqual(sorted(map));
      expect(sorted(this.#hear(volume))).toEqual(sorted(map));
    }
    for (const { name, map, isVisible } of this.model.snapshots) {
      const view = database.get(viewOfSnapshot, name);
      if (isVisible && view !== null) expect(sorted(this.view(view))).toEqual(sorted(map));
    }
  }

  /** When nothing is left to reclaim, what is mapped is what somebody sees, and no more. */
  checkReclaimed(): void {
    this.story.reclaimAll('pool');
    this.check();
    const { database } = this.story.machine;
    const row = database.get(poolRow);
    const fenced = this.model.grants.filter((grant) => this.#isFenced(grant));
    expect(row?.mapped).toBe(this.model.mapped().size);
    expect(row?.leased).toBe(this.model.leased());
    if (this.loud.size === 0) expect(row?.quarantined).toBe(0);
    if (fenced.length === 0 && this.loud.size === 0)
      expect(row?.free).toBe(deviceExtents - this.model.mapped().size - this.model.leased());
    const alive = this.model.lineages.filter((lineage) => this.model.isAlive(lineage)).length;
    expect(database.get(countLineages)?.count).toBe(alive);
  }
}

function sorted(map: PlainMap | null | undefined): [number, number][] {
  return [...(map ?? [])].sort(([left], [right]) => left - right);
}

function everyOf(count: number, holds: (at: number) => boolean): boolean {
  return Array.from({ length: count }, (_, at) => at).every(holds);
}

const step = fc.record({ kind: fc.nat(17), a: fc.nat(50), b: fc.nat(50), c: fc.nat(50) });

test('whatever is written, shared, cloned, unmapped, deleted and fenced: maps are those of a naive model, and no extent is lost or given twice', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }), (steps) => {
      const world = new World();
      for (const [at, each] of steps.entries()) {
        world.step(each);
        if (at % 16 === 0) world.check();
      }
      world.checkReclaimed();
    }),
    { numRuns: 40, endOnFailure: true },
  );
});
