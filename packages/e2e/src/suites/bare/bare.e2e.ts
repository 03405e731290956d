// The README's commands on a bare machine, by the script that `make test-bare` runs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const limitMs = 29 * 60_000;

test(
  'make setup, make quickstart and make test work on a Debian that has neither Node nor our caches',
  async () => {
    const child = spawn(join(import.meta.dirname, '../../../../tooling/test-bare.sh'), { stdio: ['ignore', 2, 2] });
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code).toBe(0);
  },
  limitMs,
);
