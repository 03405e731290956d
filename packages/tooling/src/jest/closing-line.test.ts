// The closing line counts what jest ran, and a test file that does not load cannot vanish from it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

test('the last line counts passed and failed tests, and a file that does not load as failed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-jest-'));
  try {
    mkdirSync(join(folder, 'src'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    const file = (name: string, text: string): void => writeFileSync(join(folder, 'src', name), text);
    file('good.test.ts', "import { test } from '@jest/globals'; test('a', () => {}); test('b', () => {});");
    file('bad.test.ts', "import { test } from '@jest/globals'; test('c', () => { throw new Error('c'); });");
    file('broken.test.ts', "import { missing } from './missing.ts'; missing();");
    const { status, stdout } = spawnSync(process.execPath, [join(import.meta.dirname, 'run.ts')], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('2 passed, 2 failed');
    expect(status).toBe(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
