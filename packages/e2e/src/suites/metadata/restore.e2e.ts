// A metadata cluster that loses every server, and what a backup makes of it, typed as a person types it.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { ProcessCluster, runHoldfast, type Ended } from '@holdfast/holdfast/internal';
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
