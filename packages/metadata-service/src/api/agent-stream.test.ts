// One stream on a cluster of virtual time: what it takes, what it refuses, and how it ends.
import { describe, expect, test } from '@jest/globals';
import { BoundedQueue, isOpError, type OpError } from '@holdfast/base';
import type { sessions } from '@holdfast/rpc';
import { AppliedSignal } from '../applied-signal.ts';
import { ConnectedAgents } from '../leader/connected-agents.ts';
import { change } from '../state/query.ts';
import { drainMs, Realm, ttlMs } from '../leader/leader-testing.ts';
import { AgentStream } from './agent-stream.ts';
import { MapFollowers } from './map-followers.ts';
import { mapLimitsDefault } from './map-limits.ts';
import { sessionLimitsDefault, type SessionLimits } from './session-limits.ts';

type Body = NonNullable<sessions.AgentMessage['body']>;
const secret = Buffer.alloc(32, 7);

/** Of the member that leads. */
function followersOf(realm: Realm): MapFollowers {
  const { machine } = realm;
  const applied = new AppliedSignal();
  realm.watch(machine, () => applied.tell());
  const service = { machine: realm.stateOf(machine), applied };
  return new MapFollowers({ service, limits: mapLimitsDefault, timers: machine.node.timers });
}

class Connection {
  readonly realm: Realm;
  readonly stream: AgentStream;
  readonly #said = new BoundedQueue<sessions.AgentMessage>({ name: 'test', limit: 1_000 });
  readonly #answers: AsyncGenerator<sessions.LeaderMessage, void, void>;
  #number = 0n;

  constructor(
    realm: Realm,
    agents: ConnectedAgents,
    { node = 'a', ...limits }: Partial<SessionLimits> & { node?: string } = {},
  ) {
    this.realm = realm;
    const { machine } = realm;
    this.stream = new AgentStream({
      ...{ node, agents, sessions: realm.leader, machine: realm.stateOf(machine) },
      ...{ limits: { ...sessionLimitsDefault, ...limits }, clock: machine.node.clock, timers: machine.node.timers },
      ...{ followers: followersOf(realm), mapLimits: mapLimitsDefault },
    });
    this.#answers = this.stream.run(this.#said);
  }

  say(body: Body | null, number = this.#number + 1n): void {
    this.#number = number;
    this.#said.tryPut({ number, body });
  }
  hangUp(): void {
    this.#said.close();
  }

  async next(): Promise<sessions.LeaderMessage['body']> {
    const { value, done } = await this.realm.world.done(this.#answers.next());
    return done === true ? null : value.body;
  }
  async ask(body: Body): Promise<sessions.LeaderMessage['body']> {
    this.say(body);
    return this.next();
  }
  /** How the stream ends; null for well. */
  async end(): Promise<OpError | null> {
    const reading = async (): Promise<null> => {
      for (;;) if ((await this.#answers.next()).done === true) return null;
    };
    const failed = (error: unknown): OpError => {
      if (!isOpError(error)) throw error;
      return error;
    };
    return this.realm.world.done(reading().catch(failed));
  }
}

function register(boot = 'boot', properties: Partial<sessions.Register> = {}): Body {
  const times = { ttlMs: BigInt(ttlMs), drainBoundMs: BigInt(drainMs) };
  return {
    kind: 'register',
    value: { machine: 'machine', boot, secret, ...times, tornDown: [], after: '', ...properties },
  };
}
const resume = (session: string, of = secret): Body => ({ kind: 'resume', value: { session, secret: of } });
const renew: Body = { kind: 'renew', value: {} };

test('an agent registers, renews, is told to let go, releases and hangs up; its session goes on', async () => {
  const realm = await Realm.begin();
  await realm.pool();
  await realm.volume('v');
  const agents = new ConnectedAgents(10);
  const agent = new Connection(realm, agents);
  // Whom the leader reminds in this test.
  realm.onDue = (session) => agents.remind(session);
  expect(await agent.ask(register())).toMatchObject({ kind: 'registration', value: { session: '1.a.1', agent: 1n } });
  expect(await agent.ask(renew)).toMatchObject({ kind: 'standing', value: { grants: [], letGo: [] } });
  await realm.do<'publish'>(realm.publish('v', 'a'));
  const stage: Body = { kind: 'stage', value: { volume: 'v', leastEpoch: 1n, mode: 'WRITE' } };
  expect(await agent.ask(stage)).toMatchObject({ kind: 'grant', value: { volume: 'v', epoch: 1n, mode: 'WRITE' } });
  await realm.do<'unpublish'>({ kind: 'unpublish', volume: 'v', node: 'a' });
  // Unasked, and so without a number.
  expect(await agent.next()).toMatchObject({ kind: 'standing', value: { letGo: [{ volume: 'v', epoch: 1n }] } });
  expect(await agent.ask({ kind: 'release', value: { volume: 'v', epoch: 1n, isClean: true } })).toMatchObject({
    kind: 'done',
  });
  expect(realm.certificates()).toEqual(['1.a.1 released']);
  agent.hangUp();
  expect(await agent.end()).toBeNull();
  expect(agents.count).toBe(0);
  expect(realm.session('1.a.1')).toEqual({ ended: null });
});

test('what the log refuses is told by its code, and the stream goes on', async () => {
  const realm = await Realm.begin();
  const agent = new Connection(realm, new ConnectedAgents(10));
  await agent.ask(register());
  const stage: Body = { kind: 'stage', value: { volume: 'none', leastEpoch: 0n, mode: 'WRITE' } };
  expect(await agent.ask(stage)).toMatchObject({
    kind: 'refused',
    value: { code: 'VOLUME_NOT_FOUND', isRetriable: false, details: { volume: 'none' } },
  });
  expect(await agent.ask({ ...stage, value: { ...stage.value, mode: 99 } })).toMatchObject({
    value: { code: 'FIELD_MISSING' },
  });
  expect(await agent.ask(renew)).toMatchObject({ kind: 'standing' });
});

test('the agent that takes a session up ends the stream of the one before; nobody else can', async () => {
  const realm = await Realm.begin();
  const agents = new ConnectedAgents(10);
  const first = new Connection(realm, agents);
  await first.ask(register());
  const thief = new Connection(realm, agents);
  expect(await thief.ask(resume('1.a.1', Buffer.alloc(32)))).toMatchObject({ value: { code: 'SESSION_SECRET_WRONG' } });
  const stranger = new Connection(realm, agents, { node: 'b' });
  expect(await stranger.ask(resume('1.a.1'))).toMatchObject({ value: { code: 'SESSION_NOT_FOUND' } });
  const second = new Connection(realm, agents);
  expect(await second.ask(resume('1.a.1'))).toMatchObject({ kind: 'registration', value: { agent: 2n } });
  expect(await first.end()).toMatchObject({ code: 'AGENT_SUPERSEDED', details: { agent: '1', current: '2' } });
  expect(await second.ask(renew)).toMatchObject({ kind: 'standing' });
});

test('an agent that does not read is dropped with a word, and holds no more than its share', async () => {
  const realm = await Realm.begin();
  const agent = new Connection(realm, new ConnectedAgents(10), { answersMax: 4 });
  await agent.ask(register());
  for (let at = 0; at < 20; at++) agent.say(renew);
  await realm.world.time.runFor(1_000);
  expect(await agent.end()).toMatchObject({ code: 'SESSION_STREAM_SLOW', details: { node: 'a', limit: '4' } });
});

test('agents past the limit are refused', async () => {
  const realm = await Realm.begin();
  const agents = new ConnectedAgents(1);
  const first = new Connection(realm, agents);
  await first.ask(register());
  expect(await new Connection(realm, agents, { node: 'b' }).end()).toMatchObject({ code: 'STATE_LIMIT_REACHED' });
});

test('a stream of a leader that falls ends, and says so', async () => {
  const realm = await Realm.begin();
  const agent = new Connection(realm, new ConnectedAgents(10));
  await agent.ask(register());
  const { machine, world } = realm;
  for (const other of world.machines.filter((each) => each !== machine)) {
    world.network.link(machine.node.name, other.node.name).cut();
    world.network.link(other.node.name, machine.node.name).cut();
  }
  await world.until(() => machine.up.status.groups[0]?.role !== 'leader');
  agent.say(renew);
  expect(await agent.end()).toMatchObject({ code: expect.stringMatching(/^RAFT_LEADER/) });
});

describe('a stream is ended as misused', () => {
  const cases: readonly (readonly [string, (agent: Connection) => Promise<unknown> | undefined, RegExp])[] = [
    ['that begins with something else', async (agent) => agent.say(renew), /neither registers nor resumes/],
    ['that registers twice', async (agent) => agent.ask(register()).then(() => agent.say(register())), /twice/],
    [
      'whose numbers do not grow',
      async (agent) => agent.ask(register()).then(() => agent.say(renew, 1n)),
      /message 1 comes behind 1/,
    ],
    ['whose secret is short', async (agent) => agent.say(register('boot', { secret: Buffer.alloc(15) })), /16 to 64/],
    ['that says nothing', async () => undefined, /within 10000 ms/],
  ];
  test.each(cases)('%s', async (_, act, reason) => {
    const realm = await Realm.begin();
    const agent = new Connection(realm, new ConnectedAgents(10));
    await act(agent);
    const error = await agent.end();
    expect(error).toMatchObject({ code: 'SESSION_STREAM_MISUSED' });
    expect(error?.message).toMatch(reason);
  });
});

describe('maps on a stream', () => {
  const grant = { volume: 'v', epoch: 1n };
  const extents = (start: bigint, length: bigint) => ({ device: 1n, start, length });
  const follow = (after = 0n): Body => ({ kind: 'followMap', value: { ...grant, after } });
  const allocate = (count: bigint): Body => ({ kind: 'allocate', value: { ...grant, extents: count } });
  const convert = (logical: bigint, at: bigint, length: bigint): Body => ({
    kind: 'convert',
    value: { ...grant, revision: 0n, entries: [{ logical, extents: extents(at, length), expected: null }] },
  });
  const discard = (logical: bigint, length: bigint, start: bigint): Body => ({
    kind: 'discard',
    value: { ...grant, revision: 0n, entries: [{ logical, length, expected: { device: 1n, start } }] },
  });

  async function writer(): Promise<Connection> {
    const realm = await Realm.begin();
    await realm.pool();
    await realm.volume('v');
    const agents = new ConnectedAgents(10);
    const agent = new Connection(realm, agents);
    realm.onDue = (session) => agents.remind(session);
    await agent.ask(register());
    await realm.do<'publish'>(realm.publish('v', 'a'));
    return agent;
  }

  test('an engine leases, converts, discards and gives back, each once', async () => {
    const agent = await writer();
    expect(await agent.ask(allocate(10n))).toEqual({ kind: 'leases', value: { runs: [extents(0n, 10n)] } });
    for (const body of [convert(5n, 0n, 4n), convert(5n, 0n, 4n), discard(6n, 2n, 1n), discard(6n, 2n, 1n)])
      expect(await agent.ask(body)).toEqual({ kind: 'done', value: {} });
    expect(await agent.ask({ kind: 'returnLeases', value: { ...grant, runs: [extents(8n, 2n)] } })).toMatchObject({
      kind: 'done',
    });
    expect(await agent.ask({ kind: 'listLeases', value: grant })).toEqual({
      kind: 'leases',
      value: { runs: [extents(4n, 4n)] },
    });
    const [sums] = agent.realm.rows('SELECT total - free AS used, leased, mapped FROM pools');
    expect(sums).toEqual({ used: 6, leased: 4, mapped: 2 });
  });

  test('a follower hears what others change, and of its own changes only when it begins', async () => {
    const agent = await writer();
    const { realm } = agent;
    expect(await agent.ask(follow())).toMatchObject({ value: { places: [], head: { extents: 100n, revision: 0n } } });
    await agent.ask(allocate(10n));
    await agent.ask(convert(5n, 0n, 4n));
    await realm.world.time.runFor(1_000);
    expect(await agent.ask(renew)).toMatchObject({ kind: 'standing' });
    const what = { what: 'unmap', snapshot: null, name: null, start: 6, stop: 8, expected: 0 } as const;
    const narrowed = realm.leader.narrow({ kind: 'intend', volume: 'v', intent: 'i', ...what });
    const heard: sessions.MapDelta[] = [];
    while (heard.at(-1)?.places.length !== 1) {
      const body = await agent.next();
      if (body?.kind === 'mapDelta') heard.push(body.value);
      if (body?.kind === 'standing' && body.value.intents.length > 0)
        agent.say({ kind: 'acknowledge', value: { volume: 'v', intent: 'i', revision: 1n } });
    }
    await realm.world.done(narrowed);
    expect(heard.at(-1)).toMatchObject({
      ...{ places: [{ start: 6n, length: 2n }], segments: [], isLost: false },
      head: { revision: 1n, intent: '' },
    });
    const [one, two] = [extents(0n, 1n), extents(3n, 1n)];
    expect(await agent.ask(follow())).toMatchObject({
      kind: 'mapDelta',
      value: {
        places: [{ start: 5n, length: 4n }],
        segments: [
          { logical: 5n, extents: one, birth: 0n },
          { logical: 8n, extents: two, birth: 0n },
        ],
      },
    });
  });

  test('an acknowledgement of what was withdrawn says nothing of what began again by its id', async () => {
    const agent = await writer();
    const { realm } = agent;
    const what = { what: 'share', snapshot: 's', name: 'daily', start: 0, stop: 0, expected: null } as const;
    const intend = { kind: 'intend', volume: 'v', intent: 'daily', ...what } as const;
    await realm.do<'intend'>(intend);
    await realm.do<'withdrawIntent'>({ kind: 'withdrawIntent', volume: 'v', intent: 'daily', revision: 1 });
    const narrowed = realm.leader.narrow(intend);
    const acknowledge = async (revision: bigint): Promise<sessions.LeaderMessage['body']> => {
      let answer = await agent.ask({ kind: 'acknowledge', value: { volume: 'v', intent: 'daily', revision } });
      // It is asked for it meanwhile.
      while (answer?.kind === 'standing') answer = await agent.next();
      return answer;
    };
    await realm.world.until(() => realm.rows('SELECT id FROM intents').length === 1);
    const refused = { kind: 'refused', value: { code: 'INTENT_NOT_FOUND' } };
    for (const revision of [0n, 1n, 3n]) expect(await acknowledge(revision)).toMatchObject(refused);
    expect(await acknowledge(2n)).toEqual({ kind: 'done', value: {} });
    await realm.world.done(narrowed);
  });

  test('whoever has no such grant follows nothing, and who is too far behind reads the map anew', async () => {
    const agent = await writer();
    const { realm } = agent;
    const stranger: Body = { kind: 'followMap', value: { ...grant, epoch: 2n, after: 0n } };
    expect(await agent.ask(stranger)).toMatchObject({ kind: 'refused', value: { code: 'GRANT_FENCED' } });
    realm.stateOf(realm.machine).database.run(change('UPDATE cluster SET compacted = ?'), 5);
    expect(await agent.ask(follow(4n))).toMatchObject({ kind: 'mapDelta', value: { isLost: true, head: null } });
    expect(await agent.ask(follow(5n))).toMatchObject({ kind: 'mapDelta', value: { isLost: false } });
  });

  test('a map whose grant is over is followed no more', async () => {
    const agent = await writer();
    const { realm } = agent;
    await agent.ask(follow());
    await agent.ask({ kind: 'release', value: { ...grant, isClean: true } });
    await realm.do<'expandVolume'>({ kind: 'expandVolume', volume: 'v', extents: 200 });
    await realm.world.time.runFor(1_000);
    expect(await agent.ask(renew)).toMatchObject({ kind: 'standing', value: { grants: [] } });
  });

  const refused: readonly (readonly [string, Body])[] = [
    ['FIELD_MISSING', allocate(0n)],
    ['GRANT_FENCED', { kind: 'allocate', value: { ...grant, epoch: 9n, extents: 1n } }],
    ['VOLUME_NOT_FOUND', { kind: 'allocate', value: { ...grant, volume: 'none', extents: 1n } }],
    ['LEASE_UNKNOWN', convert(0n, 50n, 1n)],
    ['STATE_COMMAND_MALFORMED', convert(99n, 0n, 2n)],
    [
      'FIELD_MISSING',
      { kind: 'convert', value: { ...grant, revision: 0n, entries: [{ logical: 0n, extents: null, expected: null }] } },
    ],
    ['MAP_REVISION_OLD', { kind: 'convert', value: { ...grant, revision: 7n, entries: [] } }],
    ['MAP_ENTRY_CHANGED', discard(5n, 2n, 17n)],
    ['FIELD_OUT_OF_RANGE', discard(2n ** 60n, 1n, 0n)],
    ['LEASE_UNKNOWN', { kind: 'returnLeases', value: { ...grant, runs: [extents(0n, 1n)] } }],
  ];
  test.each(refused)('%s is what a message is refused with', async (code, body) => {
    const agent = await writer();
    await agent.ask(allocate(10n));
    await agent.ask(convert(5n, 0n, 4n));
    expect(await agent.ask(body)).toMatchObject({ kind: 'refused', value: { code } });
    expect(await agent.ask(renew)).toMatchObject({ kind: 'standing' });
  });
});
