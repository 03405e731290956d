import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { commitOfCheckout, version, versionLine } from './version.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-version-'));
const hash = '0123456789abcdef0123456789abcdef01234567';
afterAll(() => rmSync(folder, { recursive: true }));

test('the commit is read from a branch, from packed references and from a detached head', () => {
  mkdirSync(join(folder, 'refs/heads'), { recursive: true });
  writeFileSync(join(folder, 'HEAD'), 'ref: refs/heads/main\n');
  expect(commitOfCheckout(folder)).toBeNull();
  writeFileSync(
    join(folder, 'packed-refs'),
    `# pack-refs\n${'f'.repeat(40)} refs/heads/other-main\n${hash} refs/heads/main\n`,
  );
  expect(commitOfCheckout(folder)).toBe(hash);
  writeFileSync(join(folder, 'refs/heads/main'), `${'a'.repeat(40)}\n`);
  expect(commitOfCheckout(folder)).toBe('a'.repeat(40));
  writeFileSync(join(folder, 'HEAD'), `${hash}\n`);
  expect(commitOfCheckout(folder)).toBe(hash);
  expect(commitOfCheckout(join(folder, 'nowhere'))).toBeNull();
});

test('the version line names the release, and the commit that the image was built from', () => {
  expect(versionLine({ HOLDFAST_COMMIT: hash })).toBe(`holdfast ${version()} (commit 0123456789ab)`);
  expect(version()).toMatch(/^\d+\.\d+\.\d+/);
});
