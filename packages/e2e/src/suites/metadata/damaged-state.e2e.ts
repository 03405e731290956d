// A metadata server whose database is damaged: it says so, and has everything again from its log and the others.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { RoleProcess } from '@holdfast/holdfast/internal';
import { expectKept, groupCase } from './group-case.ts';
import { VolumeLoad } from './volume-load.ts';

const pageBytes = 4_096;
const madeAnew = /^the database is damaged, and (is made|the next start makes it) anew from snapshot, log and peers$/;

/** Of a database: everything; or the pages that hold volumes, which nobody looks at before a volume is made. */
const damages: readonly [what: string, damage: (bytes: Buffer) => Buffer][] = [
  ['from its first byte on', (bytes) => Buffer.alloc(bytes.length, 'x')],
  ['in pages that are not read at once', withoutVolumes],
];

function withoutVolumes(bytes: Buffer): Buffer {
  const damaged = Buffer.from(bytes);
  for (let at = pageBytes; at < bytes.length; at += pageBytes) {
    const page = damaged.subarray(at, at + pageBytes);
    if (page.includes('volume-')) page.fill('x');
  }
  return damaged;
}

for (const [what, damage] of damages) {
  groupCase(`a member whose database is damaged ${what} makes it anew, and says so`, async (group) => {
    const leader = await group.leader();
    const member = group.member(['m1', 'm2', 'm3'].find((name) => name !== leader.name));
    const load = await VolumeLoad.begin(await group.client());
    await group.until('volumes are made', async () => load.acknowledged.size > 200);
    // What it had is in the file then.
    await member.process?.stop('SIGTERM');
    const path = join(member.data, 'state.sqlite');
    const bytes = await readFile(path);
    const damaged = damage(bytes);
    expect(damaged.equals(bytes)).toBe(false);
    await writeFile(path, damaged);
    const launches: RoleProcess[] = [];
    let isOver = false;
    const keepUp = (): void => {
      const launched = group.launch(member);
      launches.push(launched);
      void launched.ended.then(() => {
        if (!isOver) keepUp();
      });
    };
    keepUp();
    try {
      const isSaid = (): boolean => launches.some(({ lines }) => lines.some(({ msg }) => madeAnew.test(String(msg))));
      await group.until('it says so', async () => isSaid());
      await load.end();
      await group.agree();
      await expectKept(load);
    } finally {
      isOver = true;
    }
  });
}
