// The README's section on three servers, typed by one shell in an empty folder.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { invariant } from '@holdfast/base';
import { holdfastPath } from '@holdfast/holdfast/internal';

const page = join(import.meta.dirname, '../../../../../README.md');
const limitMs = 5 * 60_000;
const heading = '## Three metadata servers by hand\n';

test(
  'the commands of the README make three servers, of which one comes back and then all are restored',
  async () => {
    const text = await readFile(page, 'utf8');
    const [, behind = ''] = text.split(heading);
    const [section = ''] = behind.split('\n## ');
    const script = [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block).join('');
    invariant(script !== '', 'the section has commands');
    // A block that fails ends the shell; its servers must not outlive it.
    const guard = "trap 'kill -9 $(jobs -p) 2>/dev/null || true' EXIT\n";
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-readme-'));
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
      expect(output).toMatch(/^3 +m3 +voter /m);
      expect(output).toMatch(/^127\.0\.0\.1:7410 +- +no answer/m);
      expect(output).toContain('exit code 69: one of them does not answer');
      const [, after = '', restored = ''] = output.split(/exit code 69|in cluster generation 2/);
      // The leader's own line, with what it knows of sessions.
      expect(restored).toMatch(/ leader +serving .*(0 ending|not counted yet)/);
      for (const [port, name] of [
        ['7410', 'm1'],
        ['7420', 'm2'],
        ['7430', 'm3'],
      ]) {
        for (const status of [after, restored]) {
          expect(status).toMatch(new RegExp(`^127\\.0\\.0\\.1:${port} +${name} +(follower|leader) `, 'm'));
        }
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  limitMs,
);
