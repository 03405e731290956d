// One stream on a cluster of virtual time: what it takes, what it refuses, and how it ends.
import { describe, expect, test } from '@jest/globals';
import { BoundedQueue, isOpError, type OpError } from '@holdfast/base';
import type { sessions } from '@holdfast/rpc';
import { ConnectedAgents } from '../leader/connected-agents.ts';
import { drainMs, Realm, ttlMs } from '../leader/leader-testing.ts';
import { AgentStream } from './agent-stream.ts';
import { sessionLimitsDefault, type SessionLimits } from './session-limits.ts';

type Body = NonNullable<sessions.AgentMessage['body']>;
const secret = Buffer.alloc(32, 7);

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
