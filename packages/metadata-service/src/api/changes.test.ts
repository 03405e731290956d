// Watching, as callers do it: over mutual TLS, taken up again at another server, and told when it is too late.
import { afterEach, expect } from '@jest/globals';
import { invariant } from '@holdfast/base';
import { loadMetadataServices, type Calls, type Change, type MetadataClient, type WatchResponse } from '@holdfast/rpc';
import { groupTest, TestGroup, type TestMember } from '../service-testing.ts';

type Services = Awaited<ReturnType<typeof loadMetadataServices>>;
const options = { timeoutMs: 120_000 };

let group: TestGroup;
afterEach(async () => group.close());

async function callsOf(member: TestMember | undefined): Promise<Calls<Services['changesService']>> {
  invariant(member !== undefined, 'there is such a member');
  const { changesService } = await loadMetadataServices();
  return group.certificates.connect(member.apiAddress, await group.certificates.keeperFor('csi')).calls(changesService);
}

async function set(client: MetadataClient, name: string): Promise<void> {
  const { settingsService } = await loadMetadataServices();
  await client.change(settingsService, 'set', { name, value: 'x' }, options);
}

/** Reads answers until a change of this setting is among them. */
async function readUntil(
  watch: AsyncIterator<WatchResponse>,
  name: string,
): Promise<{ changes: Change[]; revision: bigint }> {
  const changes: Change[] = [];
  for (;;) {
    const { value } = (await watch.next()) as { readonly value: WatchResponse };
    changes.push(...value.changes);
    if (changes.some(({ key }) => key === name)) return { changes, revision: value.revision };
  }
}

const settingsIn = (changes: readonly Change[]): string[] =>
  changes.filter(({ kind }) => kind === 'SETTING').map(({ key }) => key);

groupTest('a watcher is told each change once, also when it goes on at another server', async () => {
  group = await TestGroup.ofThree();
  const client = await group.client();
  const [first, second] = group.members;
  const watch = (await callsOf(first)).watch({ after: 0n }, options)[Symbol.asyncIterator]();
  await set(client, 'a');
  await set(client, 'b');
  const told = await readUntil(watch, 'b');
  expect(settingsIn(told.changes)).toEqual(['a', 'b']);
  await watch.return?.();
  await set(client, 'c');
  const again = (await callsOf(second)).watch({ after: told.revision }, options)[Symbol.asyncIterator]();
  await set(client, 'd');
  const rest = await readUntil(again, 'd');
  expect(settingsIn(rest.changes)).toEqual(['c', 'd']);
  const revisions = [...told.changes, ...rest.changes].map(({ revision }) => revision);
  expect(revisions).toEqual(revisions.toSorted((left, right) => Number(left - right)));
  await again.return?.();
});

groupTest('a silent watch is told how far it is, one too many is refused, and one that ends makes room', async () => {
  group = await TestGroup.create();
  const [member] = group.members;
  invariant(member !== undefined, 'one member');
  await group.stop(member);
  group.limits = { watchersMax: 1, bookmarkMs: 50, changesPerAnswer: 2 };
  await group.start(member);
  await group.ready(member);
  const client = await group.client();
  for (const name of ['a', 'b', 'c', 'd', 'e']) await set(client, name);
  const calls = await callsOf(member);
  const watch = calls.watch({ after: 0n }, options)[Symbol.asyncIterator]();
  const { changes, revision } = await readUntil(watch, 'e');
  expect(settingsIn(changes)).toEqual(['a', 'b', 'c', 'd', 'e']);
  const bookmark = (await watch.next()) as { readonly value: WatchResponse };
  expect(bookmark.value.changes).toEqual([]);
  expect(bookmark.value.revision).toBeGreaterThanOrEqual(revision);
  const other = calls.watch({ after: revision }, options)[Symbol.asyncIterator]();
  await expect(other.next()).rejects.toMatchObject({ code: 'RAFT_OVERLOADED' });
  await watch.return?.();
  for (let isRefused = true; isRefused;) {
    const third = calls.watch({ after: revision }, options)[Symbol.asyncIterator]();
    isRefused = await third.next().then(
      () => false,
      () => true,
    );
    await third.return?.();
  }
});
