// dev-env on a Debian that has git, make and a certificate bundle: a Go that is new enough is brought to it and builds, and what
// a cluster needs is installed. Kubernetes itself is not built: the machine's own build goes along.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const limitMs = 12 * 60_000;

async function typeOnBare(commands: readonly string[], environment: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn(join(import.meta.dirname, '../../../../tooling/test-bare.sh'), commands, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 2, 2],
  });
  const [code] = (await once(child, 'close')) as [number | null];
  expect(code).toBe(0);
}

test(
  'a Debian whose Go is too old fetches a newer one and builds with it',
  () => typeOnBare(['dev-env/build.sh node', 'test -x ~/.cache/holdfast/dev-env/modules/node-*/bin/logind'], {}),
  limitMs,
);

test(
  'make dev-build, dev-up, dev-status and dev-down work on a Debian that has nothing',
  () => {
    // The root of the bare machine is an overlay, which none of its clusters could lie on.
    const settings = 'HOLDFAST_DEV_ENV=/tmp/clusters CLUSTER=debare DISKS=0';
    return typeOnBare(
      [
        'make dev-build',
        `${settings} make dev-up NODES=1`,
        `${settings} make dev-status | grep -E 'debare-1 +on +Ready'`,
        `${settings} make dev-down`,
        'test ! -e /tmp/clusters',
      ],
      { HOLDFAST_BARE_CACHE: 'dev-env' },
    );
  },
  limitMs,
);
