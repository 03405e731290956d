// The first thing that a stranger runs.
import { existsSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { RoleProcess, runHoldfast } from '@holdfast/holdfast/internal';

/** The folder that the first line names. */
function folderOf(output: string): string {
  const [, folder = ''] = /^Everything lies in (\S+) and is removed at the end\.$/m.exec(output) ?? [];
  expect(folder).not.toBe('');
  return folder;
}

test('quickstart shows a cluster at work, ends by itself where nobody watches, and leaves nothing behind', async () => {
  const { code, stdout, stderr } = await runHoldfast(['quickstart']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^both serve, and each reaches the other: \d+ ms$/m);
  expect(stdout).toMatch(/m2 reachable\n.*m1 reachable\n/);
  expect(stdout).toContain('[CERTIFICATE_REVOKED]');
  expect(Number(/^refused after: (\d+) ms$/m.exec(stdout)?.[1])).toBeLessThan(1000);
  expect(stdout).toMatch(/^serial (\w+) became (?!\1)\w+ after: \d+ ms$/m);
  expect(existsSync(folderOf(stdout))).toBe(false);
});

test('quickstart that is told to end in the middle takes its servers with it', async () => {
  const running = RoleProcess.start(['quickstart']);
  const [, first = ''] = await running.match(/YOU ARE +PEERS\n(\S+)/);
  const { code, stdout } = await running.stop();
  expect(code).toBe(130);
  expect(existsSync(folderOf(stdout))).toBe(false);
  await expect(fetch(`https://${first}`)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
});
