// A metadata cluster of three processes, and what becomes of it when one is killed, stopped in its tracks, wiped or told to end.
import { rm } from 'node:fs/promises';
import { expect } from '@jest/globals';
import { expectKept, groupCase } from './group-case.ts';
import { loopbackSite } from './metadata-group.ts';
import { VolumeLoad } from './volume-load.ts';

groupCase('a leader that is killed under load takes nothing acknowledged with it, and comes back', async (group) => {
  const leader = await group.leader();
  const load = await VolumeLoad.begin(await group.client());
  await group.until('volumes are made', async () => load.acknowledged.size > 200);
  await group.kill(leader);
  const before = load.acknowledged.size;
  await group.until('volumes are made by the other two', async () => load.acknowledged.size > before + 200);
  const during = await group.status();
  expect(during.find(({ address }) => address === leader.apiAddress)?.error?.code).toBe('SERVER_UNREACHABLE');
  const next = await group.leader();
  expect(next.name).not.toBe(leader.name);
  await group.start(leader);
  await load.end();
  console.log(`no acknowledgement for at most ${Math.round(load.gapMs)} ms, the kill among it`);
  await expectKept(load);
  await group.agree();
  expect((await group.status()).map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
});

groupCase('a leader that stands still is replaced, and follows when it wakes up', async (group) => {
  const leader = await group.leader();
  const load = await VolumeLoad.begin(await group.client());
  await group.until('volumes are made', async () => load.acknowledged.size > 200);
  leader.process?.signal('SIGSTOP');
  const before = load.acknowledged.size;
  await group.until('volumes are made by the other two', async () => load.acknowledged.size > before + 200);
  leader.process?.signal('SIGCONT');
  await group.until('the one that woke up follows another', async () => {
    const status = (await group.status()).find(({ address }) => address === leader.apiAddress);
    return status?.role === 'follower' && status.leader !== leader.name;
  });
  await load.end();
  await expectKept(load);
  await group.agree();
});

groupCase('a leader that is told to end hands over first, and no caller hears of it', async (group) => {
  const leader = await group.leader();
  const load = await VolumeLoad.begin(await group.client());
  await group.until('volumes are made', async () => load.acknowledged.size > 200);
  const ended = await leader.process?.stop('SIGTERM');
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  const before = load.acknowledged.size;
  await group.until('volumes are made by the other two', async () => load.acknowledged.size > before + 200);
  await load.end();
  await expectKept(load);
});

groupCase('a member whose disk was lost is refused, and comes back as another after two commands', async (group) => {
  const leader = await group.leader();
  const lost = group.member(['m1', 'm2', 'm3'].find((name) => name !== leader.name));
  await group.kill(lost);
  await rm(lost.data, { recursive: true });
  const refused = await group.launch(lost).ended;
  expect(refused.stderr).toMatch(/^holdfast: there is no member in [^\n]*\[RAFT_MEMBER_UNINITIALISED\][^\n]*\n$/);
  expect(refused.stderr).toContain('`holdfast metadata remove NAME`, then `holdfast metadata add NAME`');
  expect((await group.tryRun(['add', lost.name])).stderr).toContain('[MEMBER_EXISTS]');
  await group.run(['remove', lost.name]);
  await group.join(lost);
  await group.agree();
  expect(await group.run(['members'])).toMatch(new RegExp(`^4 +${lost.name} +voter `, 'm'));
  // One that runs still is shown for what it is, although it has not applied its own removal.
  await group.run(['remove', lost.name]);
  await group.until('it is told to be removed', async () =>
    (await group.status()).some(({ address, role }) => address === lost.apiAddress && role === 'removed'),
  );
});

groupCase(
  'a token lets the server in that it was made for, once, and into a directory that can be made',
  async (group, cluster) => {
    const place = { name: 'm4', ...(await loopbackSite(cluster).place('m4')) };
    for (const name of ['m4', 'm5']) await cluster.issue('metadata', name);
    const token = (await group.run(['add', 'm4'])).trim();
    const join = async (name: string, data: string): Promise<string> => {
      const { code, stderr } = await group.tryJoin([...group.homeWords({ ...place, name, data }), '--token', token]);
      return code === 0 ? 'joined' : stderr;
    };
    expect(await join('m5', place.data)).toContain('[MEMBER_TOKEN_REFUSED]');
    expect(await join('m4', `${place.data}/not/there`)).toContain('[FILE_NOT_FOUND]');
    expect(await group.run(['members'])).not.toContain('m4');
    expect(await join('m4', place.data)).toBe('joined');
    expect(await join('m4', `${place.data}-again`)).toContain('[MEMBER_EXISTS]');
    await group.run(['remove', 'm4']);
    expect(await join('m4', `${place.data}-again`)).toContain('[MEMBER_TOKEN_REFUSED]');
  },
);

groupCase('whatever is asked wrongly is answered with one line and its code', async (group) => {
  const [first] = group.members;
  const elsewhere = first === undefined ? [] : group.homeWords({ ...first, data: `${first.data}-elsewhere` });
  const cases: readonly [words: readonly string[], code: string][] = [
    [['promote', 'm9'], 'MEMBER_NOT_FOUND'],
    [['remove', 'm9'], 'MEMBER_NOT_FOUND'],
    [['transfer', 'm9'], 'MEMBER_NOT_FOUND'],
    [['promote'], 'ARGUMENT_MISSING'],
    [['add', 'm1'], 'MEMBER_EXISTS'],
    [['add', 'M 1'], 'IDENTITY_INVALID'],
    [['status', '--timeout', 'soon'], 'FLAG_WRONG'],
    [['statsu'], 'COMMAND_UNKNOWN'],
  ];
  for (const [words, code] of cases) {
    const { stdout, stderr } = await group.tryRun(words);
    expect([words, stdout, stderr]).toEqual([words, '', expect.stringMatching(/^holdfast: [^\n]+\n$/)]);
    expect([words, stderr]).toEqual([words, expect.stringContaining(`[${code}]`)]);
  }
  const joins: readonly [words: readonly string[], code: string][] = [
    [['--token', 'x'], 'MEMBER_EXISTS'],
    [[], 'FLAG_WRONG'],
  ];
  const home = {
    name: 'm1',
    data: `${first?.data ?? ''}-elsewhere`,
    apiAddress: '127.0.0.1:7',
    peerAddress: '127.0.0.1:8',
  };
  for (const address of [{ apiAddress: '0.0.0.0:7' }, { peerAddress: '[::]:8' }, { peerAddress: home.apiAddress }]) {
    const { stderr } = await group.tryJoin([...group.homeWords({ ...home, ...address }), '--token', 'x']);
    expect([address, stderr]).toEqual([address, expect.stringMatching(/^holdfast: [^\n]+\[FLAG_WRONG\][^\n]+\n$/)]);
  }
  for (const [words, code] of joins) {
    const { stderr } = await group.tryJoin([...elsewhere, ...words]);
    expect([words, stderr]).toEqual([words, expect.stringMatching(/^holdfast: [^\n]+\n$/)]);
    expect([words, stderr]).toEqual([words, expect.stringContaining(`[${code}]`)]);
  }
});
