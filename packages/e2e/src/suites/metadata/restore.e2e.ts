// A metadata cluster that loses every server, and what a backup makes of it, typed as a person types it.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { ProcessCluster, runHoldfast, type Ended } from '@holdfast/holdfast/internal';
import { loadMetadataServices, type MetadataClient } from '@holdfast/rpc';
import { registerNode, type NodeAgent } from '../../metadata/node-agent.ts';
import { pool } from '../../metadata/pool.ts';
import { openKeeper, parts } from './fault-case.ts';
import { groupCase } from './group-case.ts';
import type { Member, MetadataGroup } from './metadata-group.ts';
import { VolumeLoad } from './volume-load.ts';

async function restore(group: MetadataGroup, member: Member, file: string): Promise<Ended> {
  return runHoldfast(['metadata', 'restore', file, ...group.homeWords(member)]);
}

/** Members that are up at one time, each joined by a token. */
async function begin(group: MetadataGroup, [first, ...rest]: readonly Member[]): Promise<void> {
  if (first === undefined) return;
  await group.start(first);
  for (const member of rest) await group.join(member);
}

groupCase(
  'a backup under load brings back what was acknowledged before it, when every server is lost',
  async (group, cluster) => {
    const load = await VolumeLoad.begin(await group.client());
    await group.until('volumes are made', async () => load.acknowledged.size > 200);
    const before = new Map(load.acknowledged);
    const least = Math.max(...(await group.status()).map(({ applied = 0 }) => applied));
    await group.until('every server has applied them', async () =>
      (await group.status()).every(({ applied = 0 }) => applied >= least),
    );
    const file = join(cluster.folder, 'metadata.backup');
    const said = await group.run(['backup', file]);
    expect(said).toMatch(/^wrote [^\n]*: \d+ bytes, the state at revision \d+, from m\d at [^\n]*\n$/);
    await group.until('volumes are made beside and behind it', async () => load.acknowledged.size > before.size + 200);
    await load.end();
    for (const member of group.members) {
      await group.kill(member);
      await rm(member.data, { recursive: true });
    }

    const first = group.member('m1');
    const restored = await restore(group, first, file);
    expect({ ...restored, stdout: '' }).toMatchObject({ code: 0 });
    const revision = Number(/at revision (\d+),/.exec(said)?.[1]);
    expect(restored.stdout).toContain(`at revision ${revision}, with the hash `);
    expect(restored.stdout).toContain('alone in cluster generation 2');
    expect(restored.stderr).toMatch(/^next: see that no metadata server of before runs/);
    await begin(group, group.members);
    const listed = await load.listed();
    const lost = [...before].filter(([name, id]) => listed.get(id) !== name);
    expect(lost).toEqual([]);
    expect(listed.size).toBeLessThan(load.acknowledged.size);
    await group.agree();
  },
);

groupCase('a pool that a restore closed gives nothing until a person opens it', async (group, cluster) => {
  const { poolsService, volumesService, attachmentsService } = await loadMetadataServices();
  const keeper = await openKeeper(await cluster.issue('agent', 'n1', ['--node', 'n1']));
  const node = { machine: 'machine', ttlMs: 1_000n, drainBoundMs: 100n };
  const register = async (boot: string, after: string): Promise<NodeAgent> =>
    registerNode({ ...parts, keeper, address: (await group.leader()).apiAddress }, { ...node, boot, after });
  const options = { timeoutMs: 60_000 };
  const create = async (client: MetadataClient, name: string): Promise<string> => {
    const asked = { name, tenant: '', pool: pool.name, extents: 4n, isShared: false, attributes: '' };
    return (await client.change(volumesService, 'create', asked, options)).volume;
  };
  const before = await group.client();
  await before.change(poolsService, 'create', { pool: { ...pool, drainBoundMs: 100n } }, options);
  await before.change(poolsService, 'addDevice', { pool: pool.name, device: 'disk', extents: 64n }, options);
  const old = await create(before, 'old');
  const ended = await register('boot-1', '');
  await before.change(attachmentsService, 'publish', { volume: old, node: 'n1', mode: 'WRITE' }, options);
  ended.close();
  const file = join(cluster.folder, 'metadata.backup');
  await group.run(['backup', file]);
  for (const member of group.members) {
    await group.kill(member);
    await rm(member.data, { recursive: true });
  }
  const restored = await restore(group, group.member('m1'), file);
  expect(restored.stderr).toContain('holdfast pool open NAME');
  await begin(group, [group.member('m1')]);

  const client = await group.client();
  const agent = await register('boot-2', ended.session);
  const publish = async (volume: string): Promise<bigint> =>
    (await client.change(attachmentsService, 'publish', { volume, node: 'n1', mode: 'WRITE' }, options)).epoch;
  await expect(publish(old)).rejects.toMatchObject({
    code: 'GENERATION_CLOSED',
    hint: expect.stringContaining('holdfast pool open'),
  });
  expect(await command(group, 'show')).toMatch(/^open: +no: .*holdfast pool open fast$/m);
  const told = await group.tryCommand(['pool', 'open', pool.name]);
  expect(told).toMatchObject({ code: 0, stderr: expect.stringMatching(/^nothing was changed\. .*--yes\n$/) });
  await expect(publish(old)).rejects.toMatchObject({ code: 'GENERATION_CLOSED' });
  for (let times = 0; times < 2; times++) {
    expect(await command(group, 'open', '--yes')).toMatch(/^the pool fast is open\n$/m);
  }
  expect(await command(group, 'show')).toMatch(/^open: +yes$/m);
  expect([await publish(old), await publish(await create(client, 'young'))]).toEqual([2n, 1n]);
  const allocate = { kind: 'allocate', value: { volume: old, epoch: 2n, extents: 4n } } as const;
  expect(await agent.ask(allocate)).toMatchObject({ kind: 'leases', value: { runs: [{ length: 4n }] } });
  agent.close();
  await keeper.stop();
});

async function command(group: MetadataGroup, word: string, ...flags: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await group.tryCommand(['pool', word, pool.name, '--timeout', '30s', ...flags]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

groupCase(
  'what is no whole backup of this cluster, and what has a member, is refused with one line',
  async (group, cluster) => {
    const file = join(cluster.folder, 'metadata.backup');
    await group.run(['backup', file]);
    expect((await group.tryRun(['backup', file])).stderr).toContain('[FILE_EXISTS]');
    const bytes = await readFile(file);
    const flipped = Uint8Array.from(bytes);
    flipped[bytes.length >> 1] = (flipped[bytes.length >> 1] ?? 0) ^ 1;
    const stranger = { ...group.member('m1'), data: join(cluster.folder, 'fresh') };
    const cases: readonly [what: string, content: Uint8Array, code: string][] = [
      ['cut', bytes.subarray(0, -1), 'BACKUP_DAMAGED'],
      ['flipped', flipped, 'BACKUP_DAMAGED'],
      ['something else', Buffer.from('{"volumes": []}'), 'BACKUP_DAMAGED'],
      ['nothing', Buffer.alloc(0), 'BACKUP_DAMAGED'],
    ];
    for (const [what, content, code] of cases) {
      const other = join(cluster.folder, 'other.backup');
      await writeFile(other, content);
      expectRefused(await restore(group, stranger, other), `${what}: ${code}`, code);
    }
    expectRefused(await restore(group, group.member('m1'), file), 'a member is there', 'RAFT_MEMBER_EXISTS');
    const foreign = await ProcessCluster.create();
    try {
      const certificates = await foreign.issue('metadata', 'm1');
      const words = ['--certificates', certificates, '--data', join(foreign.folder, 'data')];
      expectRefused(await runHoldfast(['metadata', 'restore', file, ...words]), 'foreign', 'BACKUP_FOREIGN');
    } finally {
      await foreign.close();
    }
    expect(await readdir(cluster.folder)).not.toContain('fresh');
  },
);

function expectRefused({ code, stdout, stderr }: Ended, what: string, error: string): void {
  expect({ what, stdout, stderr }).toEqual({ what, stdout: '', stderr: expect.stringMatching(/^holdfast: [^\n]+\n$/) });
  expect({ what, stderr }).toEqual({ what, stderr: expect.stringContaining(`[${error}]`) });
  expect({ what, code }).not.toEqual({ what, code: 0 });
}
