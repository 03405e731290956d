// Intents under a leader, and what it does for pools by itself.
import { describe, expect, test } from '@jest/globals';
import type { CommandOf } from '../state/commands.ts';
import type { LeaderSettings } from './leader-settings.ts';
import { Realm, type TestAgent } from './leader-testing.ts';

function share(volume: string, snapshot: string): CommandOf<'intend'> {
  const what = { what: 'share', snapshot, name: `name of ${snapshot}`, start: 0, stop: 0, expected: null } as const;
  return { kind: 'intend', volume, intent: `intent of ${snapshot}`, ...what };
}

test('a snapshot waits for the holder’s acknowledgement, which it is asked for at once', async () => {
  const realm = await Realm.begin();
  await realm.pool();
  await realm.volume('v');
  const a = await realm.node('a');
  await realm.do<'publish'>(realm.publish('v', 'a'));
  const narrowed = realm.leader.narrow(share('v', 's'));
  await realm.world.until(() => realm.due.includes(a.session));
  await realm.world.done(a.renew());
  const [asked] = a.standing?.intents ?? [];
  expect(asked).toMatchObject({ volume: 'v', pool: 'pool', intent: 'intent of s', kind: 'share', revision: 1 });
  expect(realm.rows('SELECT id FROM snapshots')).toEqual([]);
  await realm.do<'acknowledge'>({ kind: 'acknowledge', ...a.by, volume: 'v', intent: 'intent of s', revision: 1 });
  await realm.world.done(narrowed, 100);
  expect(realm.rows('SELECT id FROM snapshots')).toEqual([{ id: 's' }]);
});

test('a snapshot of a volume that nobody holds waits until somebody has flushed its devices', async () => {
  const realm = await Realm.begin();
  await realm.pool();
  await realm.volume('v');
  const a = await realm.node('a');
  const narrowed = realm.leader.narrow(share('v', 's'));
  await realm.world.until(() => (a.standing?.intents.length ?? 0) > 0);
  expect(realm.rows('SELECT id FROM snapshots')).toEqual([]);
  await realm.do<'acknowledge'>({ kind: 'acknowledge', ...a.by, volume: 'v', intent: 'intent of s', revision: 1 });
  await realm.world.done(narrowed);
});

test('an intent that is not complete in time is withdrawn, and whoever began it is told who was silent', async () => {
  const realm = await Realm.begin();
  await realm.pool();
  await realm.volume('v');
  const a = await realm.node('a');
  await realm.do<'publish'>(realm.publish('v', 'a'));
  const sinceMs = realm.nowMs;
  await expect(realm.world.done(realm.leader.narrow(share('v', 's')))).rejects.toMatchObject({
    code: 'INTENT_INCOMPLETE',
    details: { volume: 'v', sessions: a.session },
  });
  expect(realm.nowMs - sinceMs).toBeGreaterThan(10_000);
  expect(realm.rows('SELECT id FROM intents')).toEqual([]);
  // Nothing was taken from it.
  await realm.world.done(a.renew());
  expect(a.standing).toMatchObject({ grants: [{ volume: 'v' }], intents: [] });
});

test('an unmap whose answer was lost is done when it is asked for again, and takes nothing away a second time', async () => {
  const realm = await Realm.begin();
  await realm.pool();
  await realm.volume('v');
  const unmap = { kind: 'intend', volume: 'v', intent: 'i', what: 'unmap', snapshot: null, name: null } as const;
  const ask = (): Promise<void> => realm.leader.narrow({ ...unmap, start: 0, stop: 8, expected: 0 });
  await realm.world.done(ask());
  const commits = (): number => realm.proposed.filter(({ kind }) => kind === 'commitIntent').length;
  expect(commits()).toBe(1);
  await realm.world.done(ask());
  await realm.world.time.runFor(1_000);
  expect(commits()).toBe(1);
  expect(realm.rows('SELECT revision, narrowed FROM volumes')).toEqual([{ revision: 1, narrowed: 1 }]);
});

test('an unmap that was withdrawn is over for whoever asks for it again', async () => {
  const realm = await Realm.begin();
  await realm.pool();
  await realm.volume('v');
  await realm.node('a');
  await realm.do<'publish'>(realm.publish('v', 'a'));
  const unmap = { kind: 'intend', volume: 'v', intent: 'i', what: 'unmap', snapshot: null, name: null } as const;
  const ask = (): Promise<void> => realm.world.done(realm.leader.narrow({ ...unmap, start: 0, stop: 8, expected: 0 }));
  await expect(ask()).rejects.toMatchObject({ code: 'INTENT_INCOMPLETE' });
  await expect(ask()).rejects.toMatchObject({ code: 'INTENT_WITHDRAWN' });
  expect(realm.rows('SELECT id FROM intents')).toEqual([]);
});

describe('a cut over several volumes', () => {
  const ofGroup = (...volumes: string[]) => ({
    kind: 'intendGroup' as const,
    ...{ intent: 'nightly', group: `group of ${volumes.join(' ')}`, cut: 1 },
    members: volumes.map((volume) => ({ volume, snapshot: `s of ${volume}`, name: `nightly/${volume}` })),
  });

  async function withWriters(
    settings: Partial<LeaderSettings> = {},
  ): Promise<{ realm: Realm; a: TestAgent; b: TestAgent }> {
    const realm = await Realm.begin(settings);
    await realm.pool();
    for (const volume of ['v', 'w', 'x']) await realm.volume(volume);
    const [a, b] = [await realm.node('a'), await realm.node('b')];
    await realm.do<'publish'>(realm.publish('v', 'a'));
    await realm.do<'publish'>(realm.publish('w', 'b'));
    return { realm, a, b };
  }

  test('is made in one entry of the log, when every writer holds its writes and everything is flushed', async () => {
    const { realm, a, b } = await withWriters();
    const narrowed = realm.leader.narrowGroup(ofGroup('v', 'w', 'x'));
    await realm.world.until(() => realm.due.includes(a.session) && realm.due.includes(b.session));
    await realm.world.done(a.renew());
    // What nobody holds is flushed by whoever is asked.
    expect(a.standing?.intents).toMatchObject([
      { volume: 'v', intent: 'nightly', kind: 'share', holdsWrites: true },
      { volume: 'x', intent: 'nightly', kind: 'share', holdsWrites: true },
    ]);
    for (const volume of ['v', 'x'])
      await realm.do<'acknowledge'>({ kind: 'acknowledge', ...a.by, volume, intent: 'nightly', revision: 1 });
    expect(realm.rows('SELECT id FROM snapshots')).toEqual([]);
    expect(
      await realm.try<'commitIntent'>({ kind: 'commitIntent', volume: 'v', intent: 'nightly', revision: 1, atMs: 0 }),
    ).toBe('INTENT_INCOMPLETE');
    await realm.do<'acknowledge'>({ kind: 'acknowledge', ...b.by, volume: 'w', intent: 'nightly', revision: 1 });
    expect(await realm.world.done(narrowed, 100)).toBe('group of v w x');
    const made = realm.rows<{ revision: number }>("SELECT DISTINCT revision FROM changes WHERE kind = 'snapshot'");
    expect(made).toHaveLength(1);
    expect(realm.rows('SELECT name, volume FROM snapshots ORDER BY volume')).toEqual(
      ['v', 'w', 'x'].map((volume) => ({ name: `nightly/${volume}`, volume })),
    );
    expect(realm.rows('SELECT volume FROM intents')).toEqual([]);
    // Asked for again by its name it is the one that is there; of other volumes it is another one.
    expect(await realm.world.done(realm.leader.narrowGroup({ ...ofGroup('x', 'w', 'v'), group: 'other' }))).toBe(
      'group of v w x',
    );
    expect(await realm.try<'intendGroup'>(ofGroup('v', 'w'))).toBe('SNAPSHOT_EXISTS');
  });

  test('is withdrawn from all of them when a writer would hold its writes for long', async () => {
    const { realm, a, b } = await withWriters();
    const sinceMs = realm.nowMs;
    const narrowed = realm.leader.narrowGroup(ofGroup('v', 'w'));
    const ended = expect(realm.world.done(narrowed)).rejects.toMatchObject({
      ...{ code: 'INTENT_INCOMPLETE', details: { sessions: b.session } },
    });
    await realm.world.until(() => realm.rows('SELECT volume FROM intents').length === 2);
    await realm.do<'acknowledge'>({ kind: 'acknowledge', ...a.by, volume: 'v', intent: 'nightly', revision: 1 });
    await ended;
    expect(realm.nowMs - sinceMs).toBeLessThan(3_000);
    expect(realm.rows('SELECT volume FROM intents')).toEqual([]);
    expect(realm.rows('SELECT id FROM snapshots')).toEqual([]);
  });

  test('that everybody acknowledged, but the last too late, is none: an engine may have gone on', async () => {
    // Nobody looks before the last one acknowledges.
    const { realm, a, b } = await withWriters({ watchMs: 5_000, pausedMs: 10_000 });
    const narrowed = realm.leader.narrowGroup(ofGroup('v', 'w'));
    const ended = expect(realm.world.done(narrowed)).rejects.toMatchObject({
      ...{ code: 'INTENT_INCOMPLETE', details: { sessions: `${a.session}, ${b.session}` } },
    });
    await realm.world.until(() => realm.rows('SELECT volume FROM intents').length === 2);
    await realm.do<'acknowledge'>({ kind: 'acknowledge', ...a.by, volume: 'v', intent: 'nightly', revision: 1 });
    await realm.world.time.runFor(1_600);
    await realm.do<'acknowledge'>({ kind: 'acknowledge', ...b.by, volume: 'w', intent: 'nightly', revision: 1 });
    await ended;
    expect(realm.rows('SELECT id FROM snapshots')).toEqual([]);
  });

  test('that another leader began is withdrawn by the next, which knows nothing of when that was', async () => {
    const { realm, a, b } = await withWriters();
    const { machine } = realm;
    const narrowed = expect(realm.world.done(realm.leader.narrowGroup(ofGroup('v', 'w')))).rejects.toThrow();
    await realm.world.until(() => realm.rows('SELECT volume FROM intents').length === 2);
    await realm.do<'acknowledge'>({ kind: 'acknowledge', ...a.by, volume: 'v', intent: 'nightly', revision: 1 });
    realm.crash(machine);
    await narrowed;
    await realm.counting();
    await realm.world.until(() => realm.rows('SELECT volume FROM intents').length === 0);
    expect(
      await realm.try<'acknowledge'>({ kind: 'acknowledge', ...b.by, volume: 'w', intent: 'nightly', revision: 1 }),
    ).toBe('INTENT_NOT_FOUND');
    expect(realm.rows('SELECT id FROM snapshots')).toEqual([]);
  });

  test('over what nobody writes has its time, like every flush that anybody may do', async () => {
    const realm = await Realm.begin();
    await realm.pool();
    for (const volume of ['v', 'w']) await realm.volume(volume);
    const a = await realm.node('a');
    const narrowed = realm.leader.narrowGroup(ofGroup('v', 'w'));
    await realm.world.until(() => a.standing?.intents.length === 2);
    expect(a.standing?.intents).toMatchObject([{ holdsWrites: false }, { holdsWrites: false }]);
    await realm.world.time.runFor(4_000);
    for (const volume of ['v', 'w'])
      await realm.do<'acknowledge'>({ kind: 'acknowledge', ...a.by, volume, intent: 'nightly', revision: 1 });
    expect(await realm.world.done(narrowed)).toBe('group of v w');
  });

  test('goes with its last snapshot, and leaves its name free', async () => {
    const { realm, a, b } = await withWriters();
    const cut = async (revision: number): Promise<string> => {
      const narrowed = realm.leader.narrowGroup(ofGroup('v', 'w'));
      await realm.world.until(() => realm.rows('SELECT volume FROM intents').length === 2);
      await realm.do<'acknowledge'>({ kind: 'acknowledge', ...a.by, volume: 'v', intent: 'nightly', revision });
      await realm.do<'acknowledge'>({ kind: 'acknowledge', ...b.by, volume: 'w', intent: 'nightly', revision });
      return realm.world.done(narrowed);
    };
    const groups = (): unknown[] => realm.rows('SELECT name FROM snapshot_groups');
    await cut(1);
    await realm.do<'deleteSnapshot'>({ kind: 'deleteSnapshot', snapshot: 's of v' });
    expect(groups()).toEqual([{ name: 'nightly' }]);
    await realm.do<'deleteGroup'>({ kind: 'deleteGroup', group: 'group of v w' });
    expect(groups()).toEqual([]);
    await cut(2);
    // A clone keeps what it reads, and no group.
    const asked = { volume: 'c', name: 'c', tenant: '', extents: 100, attributes: '' };
    await realm.do<'cloneVolume'>({ kind: 'cloneVolume', snapshot: 's of v', ...asked });
    await realm.do<'deleteGroup'>({ kind: 'deleteGroup', group: 'group of v w' });
    expect(groups()).toEqual([]);
    expect(realm.rows('SELECT id FROM snapshots')).toEqual([{ id: 's of v' }]);
  });

  const members = ofGroup('v', 'w').members;
  const refused: readonly (readonly [string, string, CommandOf<'intendGroup'>['members']])[] = [
    ['of nothing', 'STATE_COMMAND_MALFORMED', []],
    ['of one volume twice', 'STATE_COMMAND_MALFORMED', [...members, { volume: 'v', snapshot: 'other', name: 'other' }]],
    ['with one name twice', 'STATE_COMMAND_MALFORMED', members.map((member) => ({ ...member, name: 'one' }))],
    ['with a volume that is not there', 'VOLUME_NOT_FOUND', [...members, { volume: 'y', snapshot: 'y', name: 'y' }]],
  ];
  test.each(refused)('%s is refused, and begins nothing', async (_, code, of) => {
    const { realm } = await withWriters();
    expect(await realm.try<'intendGroup'>({ ...ofGroup('v', 'w'), members: of })).toBe(code);
    expect(realm.rows('SELECT volume FROM intents')).toEqual([]);
  });

  test('of which one volume waits for another change is refused', async () => {
    const { realm } = await withWriters();
    await realm.do<'intend'>(share('w', 's'));
    expect(await realm.try<'intendGroup'>(ofGroup('v', 'w'))).toBe('VOLUME_BUSY');
    expect(realm.rows('SELECT volume FROM intents')).toEqual([{ volume: 'w' }]);
  });
});

test('who waits for an intent is told when its leader falls', async () => {
  const realm = await Realm.begin();
  await realm.pool();
  await realm.volume('v');
  await realm.node('a');
  await realm.do<'publish'>(realm.publish('v', 'a'));
  const { machine } = realm;
  const narrowed = realm.leader.narrow(share('v', 's'));
  await realm.world.until(() => realm.rows('SELECT id FROM intents').length > 0);
  realm.crash(machine);
  await expect(realm.world.done(narrowed)).rejects.toMatchObject({ code: 'RAFT_LEADER_CHANGED' });
});

test('a snapshot that somebody else withdrew is told apart from one that was made', async () => {
  const realm = await Realm.begin();
  await realm.pool();
  for (const volume of ['v', 'w']) await realm.volume(volume);
  await realm.node('a');
  for (const volume of ['v', 'w']) await realm.do<'publish'>(realm.publish(volume, 'a'));
  const code = 'SNAPSHOT_WITHDRAWN';
  // Before the one who asked hears that it has begun, and while he waits; a restore ends it so, and the late word of another leader.
  const hurried = expect(realm.leader.narrow(share('v', 's'))).rejects.toMatchObject({ code });
  const withdraw = { kind: 'withdrawIntent', volume: 'v', intent: 'intent of s', revision: 1 } as const;
  await realm.do<'withdrawIntent'>(withdraw);
  await realm.world.done(hurried);
  const waiting = expect(realm.leader.narrow(share('v', 's'))).rejects.toMatchObject({ code });
  const members = [{ volume: 'w', snapshot: 't', name: 'nightly/w' }];
  const cut = { kind: 'intendGroup', intent: 'nightly', group: 'g', members } as const;
  const group = expect(realm.leader.narrowGroup(cut)).rejects.toMatchObject({ code });
  await realm.world.until(() => realm.rows('SELECT volume FROM intents').length === 2);
  await realm.do<'raiseGeneration'>({ kind: 'raiseGeneration', seen: 1, by: 'anna', atMs: 0 });
  await realm.world.done(Promise.all([waiting, group]), 1_000);
  expect(realm.rows('SELECT id FROM snapshots')).toEqual([]);
});

test('what another leader committed late is made for whoever waits for it here', async () => {
  const realm = await Realm.begin({ watchMs: 200, refusedMs: 60_000 });
  await realm.pool();
  await realm.volume('v');
  const a = await realm.node('a');
  await realm.do<'publish'>(realm.publish('v', 'a'));
  const narrowed = realm.leader.narrow(share('v', 's'));
  const of = { volume: 'v', intent: 'intent of s', revision: 1 };
  await realm.world.until(() => realm.rows('SELECT volume FROM intents').length === 1);
  const { proposer } = realm.leader;
  const acknowledged = proposer.ask<'acknowledge'>({ kind: 'acknowledge', ...a.by, ...of });
  await realm.world.done(
    Promise.all([acknowledged, proposer.ask<'commitIntent'>({ kind: 'commitIntent', ...of, atMs: 0 })]),
  );
  await realm.world.done(narrowed, 1_000);
  expect(realm.rows('SELECT id FROM snapshots')).toEqual([{ id: 's' }]);
});

test('what a deleted volume had is free again without anybody asking', async () => {
  const realm = await Realm.begin();
  await realm.pool();
  await realm.volume('v', { extents: 2_000 });
  const a = await realm.node('a');
  await realm.do<'publish'>(realm.publish('v', 'a'));
  const ofGrant = { ...a.by, volume: 'v', epoch: 1 };
  const sums = (): unknown => realm.rows('SELECT free, leased, mapped, quarantined FROM pools')[0];
  const { runs } = await realm.do<'allocate'>({ kind: 'allocate', ...ofGrant, extents: 1_000 });
  const [run = { device: 1, start: 0, length: 0 }] = runs;
  // Every second extent, so that no two are one run.
  const entries = Array.from({ length: 1_000 }, (_, at) => {
    return { logical: 2 * at, device: run.device, start: run.start + at, length: 1, expect: null };
  });
  for (let at = 0; at < entries.length; at += 100) {
    const some = entries.slice(at, at + 100);
    await realm.do<'convert'>({ kind: 'convert', ...ofGrant, revision: 0, entries: some });
  }
  expect(sums()).toMatchObject({ mapped: 1_000 });
  await realm.do<'unpublish'>({ kind: 'unpublish', volume: 'v', node: 'a' });
  await realm.do<'release'>({ kind: 'release', ...ofGrant, as: 'released' });
  await realm.do<'unpublish'>({ kind: 'unpublish', volume: 'v', node: 'a' });
  await realm.do<'deleteVolume'>({ kind: 'deleteVolume', volume: 'v' });
  await realm.world.until(() => (sums() as { free: number }).free === 100_000);
  expect(realm.proposed.filter(({ kind }) => kind === 'reclaim').length).toBeGreaterThan(3);
});

test('a pool opens in the next cluster generation when it is proved and every older lease has run out', async () => {
  const realm = await Realm.begin();
  await realm.pool();
  await realm.volume('v');
  await realm.node('a');
  await realm.do<'publish'>(realm.publish('v', 'a'));
  await realm.do<'raiseGeneration'>({ kind: 'raiseGeneration', seen: 1, by: 'anna', atMs: 0 });
  const b = await realm.node('b');
  await realm.world.done(b.renew());
  expect(b.standing?.unproved).toEqual([
    { pool: 'pool', generation: 2, isReserved: false, devices: ['disk'], drainMs: 0 },
  ]);
  const evidence = { readBacks: [], waitedInTerm: null };
  await realm.do<'proveGeneration'>({ kind: 'proveGeneration', pool: 'pool', evidence, by: 'anna', atMs: 0 });
  const tookMs = await realm.move('v', 'a', 'b');
  expect(tookMs).toBeGreaterThan(13_000);
  expect(realm.certificates()).toEqual(['1.a.1 expired']);
});
