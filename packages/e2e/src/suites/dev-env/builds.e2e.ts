// The cache of builds: what is built once and what again, what two builds do to each other, what an interrupted one leaves,
// what is removed, and what a build says on a machine that lacks something. Builds of the smallest module, in a cache of the
// case's own; Go's own cache is the machine's.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { appendFile, chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { run } from '../../kube/command.ts';
import { devEnvFolder } from '../../dev-env/own-cluster.ts';
import { attempt } from '../../dev-env/attempt.ts';
import { asNobody, expectRefusal, inMounts, pathWith, pathWithout } from '../../dev-env/refusal.ts';

let work = '';
let checkout = '';
let cache = '';
let environment: Record<string, string> = {};

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'holdfast-builds-'));
  // For the build that somebody else than root tries.
  await chmod(work, 0o755);
  checkout = join(work, 'dev-env');
  cache = join(work, 'cache', 'dev-env');
  environment = { HOLDFAST_CACHE: join(work, 'cache') };
  await cp(devEnvFolder, checkout, { recursive: true });
});
afterEach(async () => rm(work, { recursive: true, force: true }));

const build = (...modules: readonly string[]): Promise<string> =>
  run([join(checkout, 'build.sh'), ...modules], { environment, limitMs: 110_000 });
const inCheckout = (words: string): Promise<string> =>
  run(['bash', '-c', `. "$0/lib/common.sh"; . "$0/lib/cache.sh"; ${words}`, checkout], { environment });
const modulesInCache = (): readonly string[] => readdirSync(join(cache, 'modules')).toSorted();
const tookTime = 'dev-env: module node took';

test('a module is built when it changed, and only that one', async () => {
  expect(await build('node')).toContain(tookTime);
  expect(await build('node')).not.toContain(tookTime);
  const kubernetes = await inCheckout('module_id kubernetes');
  await appendFile(join(checkout, 'modules/node/pause/main.go'), '\n// another line\n');
  await cp(join(checkout, 'modules/node'), join(checkout, 'modules/added'), { recursive: true });
  await appendFile(join(checkout, 'versions.env'), 'ADDED_VERSION=1.0.0\n');
  expect(await build('node')).toContain(tookTime);
  expect(modulesInCache()).toHaveLength(2);
  expect(await inCheckout('module_id kubernetes')).toBe(kubernetes);
});

test('of two builds at once, one builds and the other waits for it', async () => {
  const outputs = await Promise.all([build('node'), build('node')]);
  expect(outputs.filter((output) => output.includes(tookTime))).toHaveLength(1);
  expect(outputs.filter((output) => output.includes('another build runs; waiting for it'))).toHaveLength(1);
  expect(modulesInCache()).toHaveLength(1);
});

test('what an interrupted build left is removed by the next', async () => {
  const child = spawn(join(checkout, 'build.sh'), ['node'], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  for await (const text of child.stdout) if (String(text).includes('module node')) break;
  process.kill(-(child.pid ?? 0), 'SIGKILL');
  await once(child, 'close');
  await mkdir(join(cache, 'modules/other.part'), { recursive: true });
  expect(await build('node')).toContain(tookTime);
  expect(modulesInCache()).toEqual([expect.stringMatching(/^node-[0-9a-f]{16}$/)]);
});

test('what was not used for a week is removed, unless a cluster runs from it', async () => {
  const folders = ['unused', 'running', 'kept', 'recent', 'modules/unused', 'modules/recent', 'go-1.2.3'];
  for (const folder of folders) {
    await mkdir(join(cache, folder), { recursive: true });
    await writeFile(join(cache, folder, 'used'), '');
    if (!folder.endsWith('recent')) await run(['touch', '--date=8 days ago', join(cache, folder, 'used')]);
  }
  await writeFile(join(cache, 'running', 'modules'), 'recent\n');
  const said = await inCheckout(
    // As a cluster does; that counts as a use, which must not be what saves it here.
    'hold_build "$cache/running"; touch --date="8 days ago" "$cache/running/used"; prune_cache "$cache/kept"',
  );
  expect(said).toContain('removed 3 builds from the cache that were not used for 7 days');
  expect(folders.filter((folder) => existsSync(join(cache, folder)))).toEqual([
    'running',
    'kept',
    'recent',
    'modules/recent',
  ]);
  expect(
    (await attempt(['bash', '-c', '. "$0/lib/common.sh"; . "$0/lib/cache.sh"; hold_build "$cache/gone"', checkout]))
      .exitCode,
  ).toBe(1);
});

test('Debian packages that are missing are named, with how to get them', async () => {
  const none = await pathWith('dpkg-query', join(work, 'no-packages'), 'exit 1');
  const words = join(checkout, 'build.sh');
  const names =
    'containerd runc containernetworking-plugins iptables conntrack dbus-daemon busybox-static iproute2 openssl';
  await expectRefusal(
    asNobody('bash', words),
    `Debian packages are missing; run once as root: apt-get install ${names}`,
    { environment: { ...environment, PATH: none, HOME: work } },
  );
  const elsewhere = `${join(work, 'no-packages')}:${await pathWithout('apt-get', join(work, 'no-apt'))}`;
  await expectRefusal([words], `this is not a Debian: install what these packages hold by hand: ${names}`, {
    environment: { ...environment, PATH: elsewhere },
  });
  const broken = `${join(work, 'no-packages')}:${await pathWith('apt-get', join(work, 'apt'), 'echo "E: no network"; exit 100')}`;
  const { exitCode, stdout, stderr } = await attempt([words], { environment: { ...environment, PATH: broken } });
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: `dev-env: apt-get did not install them: E: no network; see ${cache}/apt.log\n`,
  });
  expect(stdout).toBe(
    names
      .split(' ')
      .map((name) => `dev-env: installs the Debian package ${name}\n`)
      .join(''),
  );
});

test('a Go that is too old and cannot fetch a newer one is said to be so', async () => {
  const real = (await run(['bash', '-c', 'command -v go'])).trim();
  const old = `[ "$*" != 'env GOVERSION' ] || { echo go1.19.8; exit; }; exec ${real} "$@"`;
  const PATH = await pathWith('go', join(work, 'old-go'), old);
  const { exitCode, stderr } = await attempt([join(checkout, 'build.sh'), 'node'], {
    environment: { ...environment, PATH, GOPROXY: 'off' },
  });
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: expect.stringMatching(
      /^dev-env: Go 1\.\d+\.\d+ could not be fetched through the Go module proxy \(GOPROXY=off\)\n$/,
    ),
  });
});

test('a build without room says how much it needs', async () => {
  await expectRefusal(
    inMounts(
      'mkdir "$1/full"; mount -t tmpfs -o size=16m tmpfs "$1/full"; HOLDFAST_CACHE=$1/full exec "$0" node',
      join(checkout, 'build.sh'),
      work,
    ),
    'GiB free; a build needs 3 (HOLDFAST_CACHE names another folder)',
  );
});

test('a module that does not compile shows the compiler’s words and leaves nothing', async () => {
  await appendFile(join(checkout, 'modules/node/pause/main.go'), '\nfunc broken() { return 1 }\n');
  const { exitCode, stderr } = await attempt([join(checkout, 'build.sh'), 'node'], { environment });
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: expect.stringMatching(
      /main\.go:\d+:\d+: too many return values[^]*\ndev-env: the module node was not built\n$/,
    ),
  });
  expect(modulesInCache().filter((name) => !name.endsWith('.part'))).toEqual([]);
});

test('every script of the repository is clean for shellcheck', async () => {
  await run(['bash', '-ec', 'command -v shellcheck >/dev/null || apt-get install -y -qq shellcheck']);
  const words =
    'cd "$0/.." && git ls-files -z "*.sh" | xargs -0 shellcheck -x --source-path=SCRIPTDIR --source-path=SCRIPTDIR/..';
  await run(['bash', '-o', 'pipefail', '-ec', words, devEnvFolder], { limitMs: 110_000 });
});
