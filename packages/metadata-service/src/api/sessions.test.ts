// Agents' streams over mutual TLS, to real servers.
import { afterEach, expect, test } from '@jest/globals';
import { BoundedQueue, isOpError } from '@holdfast/base';
import { loadMetadataServices, loadSessionsServices, type sessions } from '@holdfast/rpc';
import { TestGroup } from '../service-testing.ts';
import { poolCommand, volumeCommand } from '../state/state-testing.ts';

const timeoutMs = 60_000;
const attemptsMax = 5;
/** How long a process may stand still and lead on. */
const calm = { tickMs: 20, pausedTicks: 1_000 };
let group: TestGroup;
afterEach(async () => group.close());

type Body = NonNullable<sessions.AgentMessage['body']>;

async function connect(node: string | null, address: string) {
  const { sessionsService } = await loadSessionsServices();
  const { cluster } = group.certificates.authority;
  const identity = { cluster, role: 'agent', name: `agent-${node ?? 'none'}`, node } as const;
  const channel = group.certificates.connect(address, await group.certificates.keeperFor('agent', { identity }));
  const said = new BoundedQueue<sessions.AgentMessage>({ name: 'test', limit: 100 });
  const stream: AsyncIterable<sessions.LeaderMessage> = channel.calls(sessionsService).connect(said, { timeoutMs });
  const answers = stream[Symbol.asyncIterator]();
  let number = 0n;
  const next = async (): Promise<sessions.LeaderMessage['body']> => {
    const result = await answers.next();
    return result.done === true ? null : result.value.body;
  };
  return {
    next,
    ask: async (body: Body) => {
      said.tryPut({ number: ++number, body });
      return next();
    },
  };
}

function register(): Body {
  const times = { ttlMs: 8_000n, drainBoundMs: 1_000n };
  const secret = Buffer.alloc(32, 1);
  return { kind: 'register', value: { machine: 'm', boot: 'b', secret, ...times, tornDown: [], after: '' } };
}

/** A machine that stands still for a moment makes its leader forget, and ends its streams: then all of it is told once more. */
async function untilCalm(story: () => Promise<void>): Promise<void> {
  for (let attempts = 1; ; attempts++) {
    try {
      await story();
      return;
    } catch (error) {
      if (!isOpError(error) || !error.retriable || attempts === attemptsMax) throw error;
      await group.close();
    }
  }
}

async function tellOfSnapshot(): Promise<void> {
  group = await TestGroup.create(calm);
  const { service } = await group.atLeader();
  const [member] = group.members;
  const { sessions: leader } = service;
  await leader.carryOut<'createPool'>(poolCommand('pool'));
  await leader.carryOut<'createVolume'>(volumeCommand('v'));
  const agent = await connect('node-1', member?.apiAddress ?? '');
  expect(await agent.ask(register())).toMatchObject({ kind: 'registration', value: { session: '1.node-1.1' } });
  await leader.carryOut<'publish'>({ kind: 'publish', volume: 'v', node: 'node-1', mode: 'write' });
  expect(await agent.ask({ kind: 'renew', value: {} })).toMatchObject({
    value: { grants: [{ volume: 'v', epoch: 1n }] },
  });
  const { snapshotsService } = await loadMetadataServices();
  const client = await group.client();
  const answer = async (): Promise<void> => {
    expect(await agent.next()).toMatchObject({ value: { intents: [{ volume: 'v', intent: 'daily', kind: 'SHARE' }] } });
    const acknowledged = await agent.ask({ kind: 'acknowledge', value: { volume: 'v', intent: 'daily' } });
    expect(acknowledged).toMatchObject({ kind: 'done' });
  };
  const asked = client.ask(snapshotsService, 'create', { name: 'daily', volume: 'v' }, { timeoutMs });
  const [made] = await Promise.all([asked, answer()]);
  expect(made.snapshot).toMatchObject({ name: 'daily', volume: 'v' });
}

test('an agent keeps its session by one stream, and a snapshot waits for its word', async () => {
  await untilCalm(tellOfSnapshot);
});

test('a server that does not lead names the leader, and a certificate without a node speaks for none', async () => {
  group = await TestGroup.ofThree(calm);
  const { service } = await group.atLeader();
  const follower = group.members.find((each) => each.service !== service);
  const leader = group.members.find((each) => each.service === service);
  const misled = await connect('node-1', follower?.apiAddress ?? '');
  await expect(misled.ask(register())).rejects.toMatchObject({
    code: 'METADATA_LEADER_ELSEWHERE',
    details: { leader: leader?.name, address: leader?.apiAddress },
  });
  const nobody = await connect(null, leader?.apiAddress ?? '');
  await expect(nobody.ask(register())).rejects.toMatchObject({ code: 'SESSION_STREAM_MISUSED' });
});
