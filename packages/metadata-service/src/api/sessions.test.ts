// Agents' streams over mutual TLS, to real servers.
import { afterEach, expect } from '@jest/globals';
import { loadMetadataServices } from '@holdfast/rpc';
import { groupTest, TestGroup } from '../service-testing.ts';
import { poolCommand, volumeCommand } from '../state/state-testing.ts';
import { agentTimeoutMs, connectAgent, registerMessage, untilCalm } from './agent-testing.ts';

let group: TestGroup;
afterEach(async () => group.close());

async function tellOfSnapshot(): Promise<void> {
  group = await TestGroup.create();
  const { service } = await group.atLeader();
  const [member] = group.members;
  const { sessions: leader } = service;
  await leader.carryOut<'createPool'>(poolCommand('pool'));
  await leader.carryOut<'createVolume'>(volumeCommand('v'));
  const agent = await connectAgent(group, 'node-1', member?.apiAddress ?? '');
  expect(await agent.ask(registerMessage())).toMatchObject({ kind: 'registration', value: { session: '1.node-1.1' } });
  await leader.carryOut<'publish'>({ kind: 'publish', volume: 'v', node: 'node-1', mode: 'write' });
  expect(await agent.ask({ kind: 'renew', value: {} })).toMatchObject({
    value: { grants: [{ volume: 'v', epoch: 1n }] },
  });
  const { snapshotsService } = await loadMetadataServices();
  const client = await group.client();
  const answer = async (): Promise<void> => {
    expect(await agent.next()).toMatchObject({ value: { intents: [{ volume: 'v', intent: 'daily', kind: 'SHARE' }] } });
    const acknowledged = await agent.ask({
      kind: 'acknowledge',
      value: { volume: 'v', intent: 'daily', revision: 1n },
    });
    expect(acknowledged).toMatchObject({ kind: 'done' });
  };
  const asked = client.ask(snapshotsService, 'create', { name: 'daily', volume: 'v' }, { timeoutMs: agentTimeoutMs });
  const [made] = await Promise.all([asked, answer()]);
  expect(made.snapshot).toMatchObject({ name: 'daily', volume: 'v' });
}

groupTest('an agent keeps its session by one stream, and a snapshot waits for its word', async () => {
  await untilCalm(tellOfSnapshot, async () => group.close());
});

groupTest(
  'a server that does not lead names the leader, and a certificate without a node speaks for none',
  async () => {
    group = await TestGroup.ofThree();
    const { service } = await group.atLeader();
    const follower = group.members.find((each) => each.service !== service);
    const leader = group.members.find((each) => each.service === service);
    const misled = await connectAgent(group, 'node-1', follower?.apiAddress ?? '');
    await expect(misled.ask(registerMessage())).rejects.toMatchObject({
      code: 'METADATA_LEADER_ELSEWHERE',
      details: { leader: leader?.name, address: leader?.apiAddress },
    });
    const nobody = await connectAgent(group, null, leader?.apiAddress ?? '');
    await expect(nobody.ask(registerMessage())).rejects.toMatchObject({ code: 'SESSION_STREAM_MISUSED' });
  },
);
