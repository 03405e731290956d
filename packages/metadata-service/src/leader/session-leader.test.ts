import { describe, expect, test } from '@jest/globals';
import { invariant } from '@holdfast/base';
import { group } from '../host/host-testing.ts';
import { outcomeUnknown } from '../host/waiting.ts';
import { leaderSettingsDefault } from './leader-settings.ts';
import { drainMs, Realm, ttlMs, type TestAgent } from './leader-testing.ts';

const lookMs = 600;

describe('renewals', () => {
  test('name the grants that go on, and leave nothing in the log', async () => {
    const realm = await Realm.begin();
    await realm.pool();
    await realm.volume('v');
    const a = await realm.node('a');
    await realm.do<'publish'>(realm.publish('v', 'a'));
    const { applied } = realm;
    await realm.world.time.runFor(60_000);
    expect(a.standing).toMatchObject({
      session: a.session,
      grants: [{ volume: 'v', epoch: 1, mode: 'write' }],
      letGo: [],
    });
    expect(realm.applied).toBe(applied);
  });

  test('are refused to an ended session and to a number that is not the session’s', async () => {
    const realm = await Realm.begin();
    const a = await realm.node('a');
    for (const agent of [a.agent - 1, a.agent + 1]) {
      const renewal = realm.leader.renew({ session: a.session, agent });
      await expect(realm.world.done(renewal)).rejects.toMatchObject({ code: 'AGENT_SUPERSEDED' });
    }
    const end = { session: a.session, reason: 'override', term: 0, by: 'anna', atMs: 0 } as const;
    await realm.do<'endSession'>({ kind: 'endSession', ...end });
    await realm.world.done(a.renew());
    expect(a.refusal).toMatchObject({ code: 'SESSION_ENDED' });
  });

  test('that arrive at a leader which is cut off are never answered with a standing', async () => {
    const realm = await Realm.begin();
    const a = await realm.node('a');
    const { machine, world } = realm;
    const others = world.machines.filter((each) => each !== machine);
    for (const other of others) {
      world.network.link(machine.node.name, other.node.name).cut();
      world.network.link(other.node.name, machine.node.name).cut();
    }
    const renewal = realm.at(machine).renew(a.by);
    await expect(world.done(renewal)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(world.done(realm.at(machine).renew(a.by))).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('go to the leader: other members name it', async () => {
    const realm = await Realm.begin();
    const a = await realm.node('a');
    const other = realm.world.machines.find((each) => each !== realm.machine);
    if (other === undefined) throw new Error('there are three');
    const renewal = realm.at(other).renew(a.by);
    await expect(renewal).rejects.toMatchObject({ code: 'RAFT_LEADER_ELSEWHERE' });
  });

  test('that come when a session’s end is proposed wait for its entry, and hear of it', async () => {
    const realm = await Realm.begin();
    await realm.pool();
    await realm.volume('v');
    const [a] = [await realm.node('a'), await realm.node('b')];
    await realm.do<'publish'>(realm.publish('v', 'a'));
    a.isSilent = true;
    const answers: Promise<string>[] = [];
    realm.onProposing = ({ kind }) => {
      if (kind === 'endSession') answers.push(a.renew().then(() => a.refusal?.code ?? 'answered'));
    };
    await realm.move('v', 'a', 'b');
    expect(await realm.world.done(Promise.all(answers))).toEqual(['SESSION_ENDED']);
  });

  test('are told the same, as one object, until a role is asked for, and again when it is not any more', async () => {
    const realm = await Realm.begin();
    await realm.pool();
    await realm.volume('v', { isShared: true });
    const [a, b] = [await realm.node('a'), await realm.node('b')];
    const told = async (): Promise<typeof a.standing> => {
      await realm.world.done(a.renew());
      return a.standing;
    };
    await realm.do<'publish'>(realm.publish('v', 'a', 'role'));
    await realm.do<'publish'>(realm.publish('v', 'b', 'role'));
    const stage = { kind: 'stage', volume: 'v', leastEpoch: 0, mode: 'role' } as const;
    await realm.do<'stage'>({ ...stage, ...a.by });
    const first = await told();
    expect(first).toMatchObject({ grants: [{ volume: 'v', epoch: 1 }], letGo: [] });
    expect(await told()).toBe(first);
    expect(await realm.try<'stage'>({ ...stage, ...b.by })).toBe('VOLUME_HELD');
    const asked = await told();
    expect(asked).toMatchObject({ grants: first?.grants, letGo: [{ volume: 'v', epoch: 1 }] });
    expect(await told()).toBe(asked);
    await realm.world.time.runFor(leaderSettingsDefault.roleMs);
    expect(await told()).toEqual(first);
  });

  test('past the limit are refused', async () => {
    const realm = await Realm.begin({ renewalsMax: 3 });
    const a = await realm.node('a');
    const renewals = Array.from({ length: 5 }, async () =>
      realm.leader.renew(a.by).then(
        () => null,
        (error: unknown) => error,
      ),
    );
    const refused = (await realm.world.done(Promise.all(renewals))).filter((each) => each !== null);
    expect(refused).toMatchObject([{ code: 'RAFT_OVERLOADED' }, { code: 'RAFT_OVERLOADED' }]);
  });
});

describe('expiry', () => {
  test('costs nobody a session that nobody waits for', async () => {
    const realm = await Realm.begin();
    await realm.pool();
    await realm.volume('v');
    const a = await realm.node('a');
    await realm.do<'publish'>(realm.publish('v', 'a'));
    a.isSilent = true;
    await realm.world.time.runFor(10 * ttlMs);
    expect(realm.session(a.session)).toEqual({ ended: null });
    await realm.world.done(a.renew());
    expect(a.standing).toMatchObject({ grants: [{ volume: 'v', epoch: 1 }] });
  });

  test('costs nobody a session because of an answer that is heard when whom it names has let go', async () => {
    const realm = await Realm.begin();
    await realm.pool();
    await realm.volume('v', { isShared: true });
    const [a, b] = [await realm.node('a'), await realm.node('b')];
    for (const node of ['a', 'b']) await realm.do<'publish'>(realm.publish('v', node, 'role'));
    const stage = (agent: TestAgent) => {
      return { kind: 'stage', ...agent.by, volume: 'v', leastEpoch: 0, mode: 'role' } as const;
    };
    const { epoch } = await realm.do<'stage'>(stage(a));
    const late = await realm.world.done(realm.leader.proposer.ask<'stage'>(stage(b)));
    expect(late.refusal).toMatchObject({ code: 'VOLUME_HELD', details: { sessions: a.session } });
    await realm.do<'release'>({ kind: 'release', ...a.by, volume: 'v', epoch, as: 'revoked' });
    await realm.do<'stage'>(stage(b));
    b.isSilent = true;
    if (late.refusal !== null) realm.leader.noteAnswer(stage(b), { refusal: late.refusal });
    await realm.world.time.runFor(3 * ttlMs);
    expect(realm.due).not.toContain(b.session);
    expect(realm.session(b.session)).toEqual({ ended: null });
  });

  test('costs nobody a session whom the leader sees waited for only because its own disk hangs', async () => {
    const realm = await Realm.begin();
    await realm.pool();
    await realm.volume('v');
    const a = await realm.node('a');
    await realm.do<'publish'>(realm.publish('v', 'a'));
    await realm.world.done(a.renew());
    a.isSilent = true;
    const what = { what: 'share', snapshot: 's', name: 's', start: 0, stop: 0, expected: null } as const;
    const shared = realm.leader.narrow({ kind: 'intend', volume: 'v', intent: 'i', ...what });
    await realm.world.time.runFor(ttlMs - lookMs);
    const { machine } = realm;
    machine.disk.hang();
    const answer = { kind: 'acknowledge', ...a.by, volume: 'v', intent: 'i', revision: 1 } as const;
    const acknowledged = realm.leader.carryOut<'acknowledge'>(answer);
    // Not for so long that it hands over.
    await realm.world.time.runFor(2.5 * lookMs);
    expect(realm.machine).toBe(machine);
    machine.disk.resume();
    await realm.world.done(Promise.all([acknowledged, shared]));
    await realm.world.time.runFor(4 * lookMs);
    expect(realm.session(a.session)).toEqual({ ended: null });
    expect(realm.proposed.filter(({ kind }) => kind === 'endSession')).toEqual([]);
  });

  test('lets another node have the volume a ttl and a drain bound behind the last renewal', async () => {
    const realm = await Realm.begin();
    await realm.pool();
    await realm.volume('v');
    const [a] = [await realm.node('a'), await realm.node('b')];
    await realm.do<'publish'>(realm.publish('v', 'a'));
    await realm.world.done(a.renew());
    a.isSilent = true;
    const tookMs = await realm.move('v', 'a', 'b');
    expect(tookMs).toBeGreaterThan(ttlMs + drainMs);
    expect(tookMs).toBeLessThan(ttlMs + drainMs + 4 * lookMs);
    expect(realm.session(a.session)).toEqual({ ended: 'expired' });
    expect(realm.certificates()).toEqual([`${a.session} expired`]);
    expect(realm.due).toContain(a.session);
  });

  test('is told to an agent that comes back, although a person has settled meanwhile all that the leader had to', async () => {
    const realm = await Realm.begin();
    await realm.pool();
    await realm.volume('v');
    const a = await realm.node('a');
    await realm.do<'publish'>(realm.publish('v', 'a'));
    a.isSilent = true;
    await realm.world.time.runFor(ttlMs);
    while (realm.session(a.session)?.ended === null) {
      await realm.do<'unpublish'>({ kind: 'unpublish', volume: 'v', node: 'a' });
      await realm.world.time.runFor(10);
    }
    const evidence = { readBacks: [], waitedInTerm: null };
    const by = { session: a.session, pool: 'pool', as: 'override', by: 'anna', atMs: 0 } as const;
    await realm.do<'certifySession'>({ kind: 'certifySession', ...by, evidence });
    await realm.world.done(a.renew());
    expect(a.refusal).toMatchObject({ code: 'SESSION_ENDED' });
    expect(realm.leader.status.ending).toBe(0);
  });

  test('takes no answers from a session whose end the leader could not propose, because it was about to hand over', async () => {
    const realm = await Realm.begin();
    const { machine } = realm;
    const other = realm.world.machines.find((each) => each !== machine);
    invariant(other !== undefined, 'there are three');
    realm.crash(other);
    await realm.pool();
    await realm.volume('v');
    const a = await realm.node('a');
    await realm.do<'publish'>(realm.publish('v', 'a'));
    a.isSilent = true;
    const handOvers: Promise<void>[] = [];
    realm.onProposing = ({ kind }) => {
      if (kind !== 'endSession' || handOvers.length > 0) return;
      handOvers.push(machine.up.replica(group).transfer(other.member));
    };
    while (handOvers.length === 0) {
      await realm.do<'unpublish'>({ kind: 'unpublish', volume: 'v', node: 'a' });
      await realm.world.time.runFor(lookMs);
    }
    await realm.world.time.runFor(lookMs);
    await realm.world.done(a.renew());
    expect([a.refusal, a.standing?.letGo]).toEqual([null, [{ volume: 'v', epoch: 1, mode: 'write' }]]);
    a.isSilent = false;
    await expect(realm.world.done(Promise.all(handOvers))).rejects.toMatchObject({ code: 'RAFT_OUTCOME_UNKNOWN' });
    expect(realm.machine).toBe(machine);
  });

  test('is known when it was applied after nobody waited for the answer any more', async () => {
    const realm = await Realm.begin();
    await realm.pool();
    await realm.volume('v');
    const a = await realm.node('a');
    await realm.do<'publish'>(realm.publish('v', 'a'));
    a.isSilent = true;
    const { proposer } = realm.leader;
    const ask = proposer.ask.bind(proposer);
    proposer.ask = async (command) => {
      const answered = await ask(command);
      if (command.kind === 'endSession') throw outcomeUnknown('no answer came in time');
      return answered;
    };
    while (realm.session(a.session)?.ended === null) {
      await realm.do<'unpublish'>({ kind: 'unpublish', volume: 'v', node: 'a' });
      await realm.world.time.runFor(lookMs);
    }
    await realm.world.time.runFor(lookMs);
    await realm.world.done(a.renew());
    expect(a.refusal).toMatchObject({ code: 'SESSION_ENDED' });
    expect(realm.leader.status.ending).toBe(0);
  });

  test('takes nothing from an agent that renews; it is told to let go of what is detached', async () => {
    const realm = await Realm.begin();
    await realm.pool();
    await realm.volume('v');
    const [a] = [await realm.node('a'), await realm.node('b')];
    await realm.do<'publish'>(realm.publish('v', 'a'));
    for (let at = 0; at < 60; at++) {
      expect(await realm.try<'publish'>(realm.publish('v', 'b'))).toBe('VOLUME_BUSY');
      await realm.world.time.runFor(1_000);
    }
    expect(a.standing).toMatchObject({ letGo: [] });
    await realm.do<'unpublish'>({ kind: 'unpublish', volume: 'v', node: 'a' });
    expect(realm.due).toEqual([a.session]);
    await realm.world.done(a.renew());
    expect(a.standing).toMatchObject({ letGo: [{ volume: 'v', epoch: 1, mode: 'write' }] });
    await realm.do<'release'>({ kind: 'release', ...a.by, volume: 'v', epoch: 1, as: 'released' });
    await realm.move('v', 'a', 'b');
    expect(realm.session(a.session)).toEqual({ ended: null });
  });

  test('is counted anew by the next leader', async () => {
    const realm = await Realm.begin();
    await realm.pool();
    await realm.volume('v');
    const [a] = [await realm.node('a'), await realm.node('b')];
    await realm.do<'publish'>(realm.publish('v', 'a'));
    await realm.world.done(a.renew());
    a.isSilent = true;
    await realm.world.time.runFor(ttlMs - 1_000);
    const { machine } = realm;
    realm.crash(machine);
    await realm.counting();
    const tookMs = await realm.move('v', 'a', 'b');
    expect(tookMs).toBeGreaterThan(ttlMs + drainMs);
  });

  test('is counted anew by a leader whose process stood still', async () => {
    const realm = await Realm.begin();
    await realm.pool();
    await realm.volume('v');
    const [a] = [await realm.node('a'), await realm.node('b')];
    await realm.do<'publish'>(realm.publish('v', 'a'));
    for (const { node } of realm.world.machines) node.pause('stopped');
    await realm.world.time.runFor(2 * ttlMs);
    a.isSilent = true;
    for (const { node } of realm.world.machines) node.resume();
    await realm.counting();
    const tookMs = await realm.move('v', 'a', 'b');
    expect(tookMs).toBeGreaterThan(ttlMs);
    expect(realm.session(a.session)).toEqual({ ended: 'expired' });
  });

  test('of a limited number within an hour is refused by the log, and tried again only behind a rest', async () => {
    const realm = await Realm.begin();
    await realm.pool({ fencesPerHour: 0 });
    await realm.volume('v');
    const [a] = [await realm.node('a'), await realm.node('b')];
    await realm.do<'publish'>(realm.publish('v', 'a'));
    a.isSilent = true;
    for (let at = 0; at < 30; at++) {
      await realm.do<'unpublish'>({ kind: 'unpublish', volume: 'v', node: 'a' });
      await realm.world.time.runFor(1_000);
    }
    expect(realm.session(a.session)).toEqual({ ended: null });
    const ends = realm.proposed.filter(({ kind }) => kind === 'endSession');
    expect(ends.length).toBeGreaterThan(1);
    expect(ends.length).toBeLessThan(12);
    // What was refused is known to be refused: the session lives.
    await realm.world.done(a.renew());
    expect(a.refusal).toBeNull();
  });
});

describe('the storm guard', () => {
  test('fences nobody while more than half have stopped, and goes on when most are back', async () => {
    const realm = await Realm.begin();
    await realm.pool({ fencesPerHour: 10 });
    const agents = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await realm.volume(name);
      agents.push(await realm.node(name));
      await realm.do<'publish'>(realm.publish(name, name));
    }
    const spare = await realm.node('spare');
    const stopped = agents.slice(0, 3);
    for (const agent of stopped) agent.isSilent = true;
    for (let at = 0; at < 40; at++) {
      await realm.do<'unpublish'>({ kind: 'unpublish', volume: 'a', node: 'a' });
      await realm.world.time.runFor(1_000);
    }
    expect(realm.proposed).toEqual([]);
    expect(realm.leader.status.storm).toEqual({ stopped: 3, holders: 5 });
    const [, b, c] = stopped;
    for (const agent of [b, c]) if (agent !== undefined) agent.isSilent = false;
    await realm.move('a', 'a', spare.node);
    expect(realm.leader.status.storm).toBeNull();
    expect(realm.certificates()).toEqual([`${agents[0]?.session ?? ''} expired`]);
  });

  /** One after another, each so long after the one before; answers who holds a volume. */
  async function silence(realm: Realm, names: readonly string[], everyMs: number): Promise<TestAgent[]> {
    await realm.pool({ fencesPerHour: 10 });
    const agents: TestAgent[] = [];
    for (const name of names) {
      await realm.volume(name);
      agents.push(await realm.node(name));
      await realm.do<'publish'>(realm.publish(name, name));
    }
    for (const agent of agents.slice(0, 3)) {
      agent.isSilent = true;
      await realm.world.time.runFor(everyMs);
    }
    return agents;
  }

  test('fences nobody when the first of them is back, although so few alone would be no storm', async () => {
    const realm = await Realm.begin();
    const [first] = await silence(realm, ['a', 'b', 'c'], 100);
    await realm.world.until(() => realm.leader.status.storm !== null);
    if (first !== undefined) first.isSilent = false;
    for (let at = 0; at < 40; at++) {
      await realm.do<'unpublish'>({ kind: 'unpublish', volume: 'b', node: 'b' });
      await realm.world.time.runFor(1_000);
    }
    expect(realm.leader.status.storm).toEqual({ stopped: 2, holders: 3 });
    expect(realm.proposed).toEqual([]);
  });

  test('takes those who stopped one after another for machines that broke', async () => {
    const realm = await Realm.begin();
    const agents = await silence(realm, ['a', 'b', 'c', 'd', 'e'], 3 * ttlMs);
    const spare = await realm.node('spare');
    await realm.move('c', 'c', spare.node);
    expect(realm.leader.status.storm).toBeNull();
    expect(realm.certificates()).toEqual([`${agents[2]?.session ?? ''} expired`]);
  });
});

describe('a pool with reservations', () => {
  test('has a silent node preempted by a living one in half a ttl, and keeps what it freed until it is silent', async () => {
    const realm = await Realm.begin();
    await realm.pool({ fencing: 'reservation' });
    await realm.volume('v');
    const [a, b] = [await realm.node('a'), await realm.node('b')];
    await realm.do<'publish'>(realm.publish('v', 'a'));
    a.isSilent = true;
    const sinceMs = realm.nowMs;
    await realm.do<'unpublish'>({ kind: 'unpublish', volume: 'v', node: 'a' });
    await realm.world.until(() => (b.standing?.preemptions.length ?? 0) > 0);
    expect(realm.nowMs - sinceMs).toBeLessThan(ttlMs);
    expect(realm.session(a.session)).toEqual({ ended: 'fenced' });
    const [order] = b.standing?.preemptions ?? [];
    expect(order).toEqual({
      pool: 'pool',
      session: a.session,
      key: a.key,
      devices: ['disk'],
      as: 'preempted',
      drainMs,
    });
    const readBack = { device: 'disk', keys: [b.key], isAllRegistrants: true, stoppedBy: 'abort' } as const;
    const evidence = { readBacks: [readBack], waitedInTerm: null };
    const certify = { session: a.session, pool: 'pool', as: 'preempted', evidence, by: null, atMs: 0 } as const;
    // Until its key is gone the node may move its deadline by reading it back, however long that takes (F6).
    await realm.world.time.runFor(2 * (ttlMs + drainMs));
    const standsMs = realm.nowMs;
    await realm.do<'certifySession'>({ kind: 'certifySession', ...certify });
    await realm.move('v', 'a', 'b');
    const isSilent = () =>
      realm.rows<{ is_silent: number }>('SELECT is_silent FROM session_pools WHERE session = ?', a.session);
    expect(isSilent()).toEqual([{ is_silent: 0 }]);
    await realm.world.until(() => isSilent()[0]?.is_silent === 1);
    expect(realm.nowMs - standsMs).toBeGreaterThan(ttlMs + drainMs);
  });
});

describe('a machine that is gone', () => {
  test('is certified as powered off a ttl behind the word of a person, if it says nothing', async () => {
    const realm = await Realm.begin();
    await realm.pool({ fencing: 'manual' });
    await realm.volume('v');
    const [a] = [await realm.node('a'), await realm.node('b')];
    await realm.do<'publish'>(realm.publish('v', 'a'));
    await realm.do<'statePoweredOff'>({ kind: 'statePoweredOff', node: 'a', by: 'anna', isOwnTaint: false, atMs: 0 });
    await realm.do<'unpublish'>({ kind: 'unpublish', volume: 'v', node: 'a' });
    await realm.world.time.runFor(3 * ttlMs);
    // It is not off: it renews.
    expect(realm.session(a.session)).toEqual({ ended: null });
    a.isSilent = true;
    const tookMs = await realm.move('v', 'a', 'b');
    expect(tookMs).toBeGreaterThan(ttlMs - 2_000);
    expect(realm.certificates()).toEqual([`${a.session} powered-off`]);
  });

  test('is certified as rebooted a ttl and a drain bound behind its later registration', async () => {
    const realm = await Realm.begin();
    await realm.pool({ fencing: 'manual' });
    await realm.volume('v');
    const a = await realm.node('a');
    await realm.do<'publish'>(realm.publish('v', 'a'));
    a.isSilent = true;
    const again = await realm.node('a', { boot: 'boot 2', secretHash: Buffer.from('another'), after: a.session });
    const tookMs = await realm.move('v', 'a', 'a');
    expect(tookMs).toBeGreaterThan(ttlMs + drainMs);
    expect(realm.certificates()).toEqual([`${a.session} rebooted`]);
    await realm.world.done(again.renew());
    expect(again.standing).toMatchObject({ grants: [{ volume: 'v', epoch: 2 }] });
  });
});
