import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBootId } from './boot-id.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-boot-'));
  await writeFile(join(folder, 'good'), '0b5f6e1c-6d5c-4f0e-9a55-3a4c3f1d2e10\n');
  await writeFile(join(folder, 'bad'), 'soon\n');
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

test("the kernel's own boot id is one, and so is a file's", async () => {
  expect(await readBootId('/proc/sys/kernel/random/boot_id')).toMatch(/^[-0-9a-f]{36}$/);
  expect(await readBootId(join(folder, 'good'))).toBe('0b5f6e1c-6d5c-4f0e-9a55-3a4c3f1d2e10');
});

test.each([
  ['none', 'it is not there'],
  ['.', 'it is a folder'],
  ['bad', 'the boot id "soon" is not a UUID'],
])('a boot id in %s is refused with the reason: %s', async (name, reason) => {
  const reading = readBootId(join(folder, name));
  await expect(reading).rejects.toMatchObject({ code: 'BOOT_ID_UNREADABLE' });
  await expect(reading).rejects.toThrow(reason);
});
