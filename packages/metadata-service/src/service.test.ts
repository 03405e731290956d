// Metadata servers with real files, sockets and certificates.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, expect } from '@jest/globals';
import { isOpError } from '@holdfast/base';
import { toMemberId } from '@holdfast/raft';
import { initialiseFirst, statePath } from './member-home.ts';
import { groupTest, succeeds, TestGroup, until } from './service-testing.ts';

/** Of a database. */
const pageBytes = 4_096;

let group: TestGroup;
afterEach(async () => group.close());

const warned = (code: string): boolean =>
  group.certificates.sink.records.some((record) => (record['error'] as { code?: string } | undefined)?.code === code);

groupTest('three members that joined by tokens vote, agree, lose one and go on, and take it back', async () => {
  group = await TestGroup.ofThree();
  const { proposer, service } = await group.atLeader();
  await proposer.propose<'setSetting'>({ kind: 'setSetting', name: 'colour', value: 'blue', by: 'ada', atMs: 1 });
  await until(() => group.members.every((member) => member.service?.machine.applied === service.machine.applied));
  expect(new Set(group.members.map((member) => member.service?.machine.hash()))).toHaveProperty('size', 1);
  expect(service.book.all().map(({ number, name }) => [number, name])).toEqual([
    [1, 'm1'],
    [2, 'm2'],
    [3, 'm3'],
  ]);

  const fallen = group.members.find((member) => member.service === service);
  if (fallen === undefined) throw new Error('the leader is a member');
  await group.stop(fallen);
  const next = await group.atLeader();
  await next.proposer.propose<'setSetting'>({ kind: 'setSetting', name: 'colour', value: 'red', by: 'ada', atMs: 2 });
  const again = await group.start(fallen);
  await group.ready(fallen);
  await until(() => again.machine.applied === next.service.machine.applied);
  expect(again.machine.hash()).toBe(next.service.machine.hash());
  expect(await fallen.metrics.scrape()).toContain('holdfast_raft_leader_known 1');
});

groupTest(
  'a server is a member under the name of its certificate only, and not for longer than that holds',
  async () => {
    group = await TestGroup.ofThree();
    const [first, second, third] = group.members;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three members');
    // The disk of m2, in the hands of one who has the certificate of m9.
    await group.stop(second);
    const thief = await group.prepare('m2', 'm9');
    const stolen = { ...thief, directory: second.directory, peerAddress: second.peerAddress };
    await expect(group.start(stolen)).rejects.toMatchObject({ code: 'RAFT_MEMBER_MISTAKEN' });

    await group.start(second);
    const isUp = (): boolean => third.service?.health.state === 'SERVING';
    await until(isUp);
    const { serial } = third.keeper.current.certificate;
    await group.certificates.authority.revoke({ serial }, 'stolen');
    await until(() => !isUp());
    await until(() => warned('CERTIFICATE_REVOKED'));
    await until(() => first.service?.health.state === 'SERVING');
  },
);

groupTest('a lost disk is refused, and comes back as another member after it was removed and invited', async () => {
  group = await TestGroup.ofThree();
  const [, , third] = group.members;
  if (third === undefined) throw new Error('three members');
  await group.stop(third);
  rmSync(third.directory, { recursive: true });
  await expect(group.start(third)).rejects.toMatchObject({ code: 'RAFT_MEMBER_UNINITIALISED' });
  await until(async () => {
    const { membership } = await group.atLeader();
    const refused: unknown = await membership.invite('m3', 'ada').catch((error: unknown) => error);
    if (isOpError(refused) && refused.retriable) return false;
    expect(refused).toMatchObject({ code: 'MEMBER_EXISTS' });
    return true;
  });
  const number = (await group.atLeader()).service.book.all().find(({ name }) => name === 'm3')?.number;
  if (number === undefined) throw new Error('m3 is a member');
  await until(async () => {
    const { membership: at } = await group.atLeader();
    return succeeds(at.remove(number, 'ada'));
  });
  const again = await group.join('m3');
  await group.promote(again);
  expect(again.service?.self).toBe(4);
});

groupTest('a member that was removed is nobody, and says so', async () => {
  group = await TestGroup.ofThree();
  const { service, membership } = await group.atLeader();
  const other = group.members.find((member) => member.service !== service);
  const self = other?.service?.self ?? null;
  if (other === undefined || self === null) throw new Error('somebody follows');
  await membership.remove(self, 'ada');
  await until(() => warned('RAFT_PEER_UNKNOWN'));
  await until(() => other.service?.health.state === 'DEGRADED');
  const ready = other.service?.checkReady() ?? Promise.resolve();
  await expect(ready).rejects.toMatchObject({ code: expect.stringMatching(/^(RAFT_LEADER_UNKNOWN|TIMED_OUT)$/) });
});

groupTest('a member that nobody hears gets no vote, which the group could not do without', async () => {
  group = await TestGroup.create();
  const silent = await group.admit('m2');
  const { membership, proposer } = await group.atLeader();
  const number = toMemberId(2);
  await expect(membership.promote(number)).rejects.toMatchObject({ code: 'MEMBER_NOT_HEARD' });
  await proposer.propose<'setSetting'>({ kind: 'setSetting', name: 'colour', value: 'blue', by: 'ada', atMs: 1 });
  await group.start(silent);
  await group.promote(silent);
});

groupTest('a damaged database is made anew from the log, and the log says so', async () => {
  group = await TestGroup.create();
  const [first] = group.members;
  if (first === undefined) throw new Error('one member');
  const { proposer } = await group.atLeader();
  await proposer.propose<'setSetting'>({ kind: 'setSetting', name: 'colour', value: 'blue', by: 'ada', atMs: 1 });
  await group.stop(first);
  writeFileSync(statePath(first.directory), Buffer.alloc(8_192, 'x'));
  const again = await group.start(first);
  await group.ready(first);
  expect(again.machine.dump()).toContain('settings: "colour" "blue"');
  expect(group.certificates.sink.records.map(({ msg }) => msg)).toContain(
    'the database is damaged, and is made anew from snapshot, log and peers',
  );
});

groupTest(
  'damage that is found behind the start ends the server, and the next start makes the database anew',
  async () => {
    group = await TestGroup.create();
    const [first] = group.members;
    if (first === undefined) throw new Error('one member');
    const set = async (value: string): Promise<unknown> => {
      const { proposer } = await group.atLeader();
      return proposer.propose<'setSetting'>({ kind: 'setSetting', name: 'colour', value, by: 'ada', atMs: 1 });
    };
    await set('blue');
    await group.stop(first);
    const path = statePath(first.directory);
    const bytes = readFileSync(path);
    for (let at = 0; at < bytes.length; at += pageBytes) {
      const page = bytes.subarray(at, at + pageBytes);
      if (page.includes('colour')) page.fill('x');
    }
    writeFileSync(path, bytes);
    const damaged = await group.start(first);
    await expect(set('red')).rejects.toMatchObject({ code: 'RAFT_HOST_STOPPED' });
    expect(await damaged.ended).toMatchObject({ code: 'STATE_DATABASE_FAILED' });
    await group.stop(first);
    expect(existsSync(path)).toBe(false);
    const again = await group.start(first);
    await group.ready(first);
    expect(again.machine.dump()).toMatch(/settings: "colour" "(blue|red)"/);
    expect(group.certificates.sink.records.map(({ msg }) => msg)).toContain(
      'the database is damaged, and the next start makes it anew from snapshot, log and peers',
    );
  },
);

groupTest('a directory is made for one member', async () => {
  group = await TestGroup.create();
  const [first] = group.members;
  if (first === undefined) throw new Error('one member');
  await expect(initialiseFirst(group.homeOf(first), first)).rejects.toMatchObject({ code: 'RAFT_MEMBER_EXISTS' });
});
