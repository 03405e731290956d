// The tutorial, typed: every block of commands of docs/tutorial/first-steps.md, in its order, by one shell.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { holdfastPath } from '@holdfast/holdfast/internal';

const page = join(import.meta.dirname, '../../../../../docs/tutorial/first-steps.md');

test('the commands of the tutorial do what it says', async () => {
  const text = await readFile(page, 'utf8');
  const script = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block).join('');
  // A block that fails ends the shell; its servers must not outlive it.
  const guard = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n";
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-tutorial-'));
  const path = `${dirname(holdfastPath)}:${process.env['PATH'] ?? ''}`;
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', guard + script], {
    cwd: folder,
    env: { PATH: path, HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const [code] = (await once(shell, 'close')) as [number | null];
  try {
    expect({ code, output }).toEqual({ code: 0, output });
    expect(output).toContain('the configuration of metadata is complete');
    expect(output).toMatch(/^127\.0\.0\.1:7401 .*admin\/ada .*m2 \w+$/m);
    expect(output).toMatch(/^127\.0\.0\.1:7401 .*agent\/n1\/n1 /m);
    expect(output).toContain('was revoked: the node was stolen [CERTIFICATE_REVOKED]');
    expect(output).toContain('refused, exit code 67');
    expect(output).toContain('"msg":"certificate renewed"');
  } finally {
    await rm(folder, { recursive: true });
  }
});
