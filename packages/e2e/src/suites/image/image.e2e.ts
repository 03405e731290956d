// The container image, made in both ways from one state of the sources: `make image` in two places, and the Dockerfile by a dockerd of
// the suite's own on a base made by debootstrap. They must be the same file by file, and nothing may depend on when, where or
// by whom they were made.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { debianBase } from '../../docker/debian-base.ts';
import { DockerDaemon } from '../../docker/docker-daemon.ts';
import { differences, listTree } from '../../docker/tree-listing.ts';
import { run } from '../../kube/command.ts';

const buildLimitMs = 10 * 60_000;
const compressedLimitBytes = 150 * 1024 * 1024;
const architectures = ['amd64', 'arm64'] as const;
type Architecture = (typeof architectures)[number];

const checkout = join(import.meta.dirname, '../../../../..');
const home = mkdtempSync(join(tmpdir(), 'holdfast-image-suite-'));
const places = ['one', 'in/another/place'].map((path) => join(home, path)) as [string, string];
let daemon: DockerDaemon | null = null;
let facts = { commit: '', seconds: '' };

beforeAll(async () => {
  const git = (...words: readonly string[]): Promise<string> => run(['git', ...words], { cwd: checkout });
  facts = { commit: (await git('rev-parse', 'HEAD')).trim(), seconds: (await git('log', '-1', '--format=%ct')).trim() };
  // With what is not committed yet, as everybody's `make image` takes it.
  const files = (await git('ls-files', '--cached', '--others', '--exclude-standard'))
    .split('\n')
    .filter((path) => path !== '' && existsSync(join(checkout, path)));
  const snapshot = join(home, 'snapshot.tar');
  await run(['tar', '-C', checkout, '-cf', snapshot, '--files-from=-'], { stdin: files.join('\n') });
  for (const place of places) {
    mkdirSync(place, { recursive: true });
    await run(['tar', '-C', place, '-xf', snapshot]);
    await run(['make', 'setup'], { cwd: place, limitMs: buildLimitMs });
  }
  daemon = await DockerDaemon.start({ hasOwnNetwork: false });
  // The name that the Dockerfile has for its base.
  await docker(['import', await debianBase(), 'debian:bookworm-slim'], buildLimitMs);
}, 2 * buildLimitMs);

afterAll(async () => {
  rmSync(home, { recursive: true });
  if (daemon === null) return;
  await daemon.close();
  expect([daemon.folder, ...daemon.cgroups()].filter((path) => existsSync(path))).toEqual([]);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(daemon.folder);
}, buildLimitMs);

async function docker(words: readonly string[], limitMs = 60_000): Promise<string> {
  if (daemon === null) throw new Error('there is no dockerd');
  return daemon.run(words, { cwd: places[0], limitMs });
}

/** The tree and the file that `make image` makes in the first place, or in another. */
async function makeImage(architecture: Architecture, place = places[0]): Promise<{ tree: string; archive: string }> {
  await run(['make', 'image', `ARCH=${architecture}`], {
    cwd: place,
    limitMs: buildLimitMs,
    environment: { HOLDFAST_COMMIT: facts.commit, SOURCE_DATE_EPOCH: facts.seconds },
  });
  const tree = join(place, architecture === 'amd64' ? 'build/image' : `build/image-${architecture}`);
  return { tree, archive: `${tree}.tar` };
}

interface Inspected {
  readonly Architecture: string;
  readonly Config: Readonly<Record<string, unknown>>;
  readonly RootFS: { readonly Layers: readonly string[] };
}

async function buildByDocker(tag: string, architecture: Architecture, ...words: readonly string[]): Promise<Inspected> {
  await docker(
    [
      ...['build', '--progress', 'plain', '--network', 'host', '--platform', `linux/${architecture}`, '--tag', tag],
      ...['--build-arg', `COMMIT=${facts.commit}`, '--build-arg', `SOURCE_DATE_EPOCH=${facts.seconds}`],
      ...secret('npmrc', join(process.env['HOME'] ?? '', '.npmrc')),
      ...secret('certificates', '/etc/ssl/certs/ca-certificates.crt'),
      ...words,
      '.',
    ],
    buildLimitMs,
  );
  const [inspected] = JSON.parse(await docker(['image', 'inspect', tag])) as readonly Inspected[];
  if (inspected === undefined) throw new Error(`docker knows no ${tag}`);
  return inspected;
}

const secret = (id: string, path: string): readonly string[] =>
  existsSync(path) ? ['--secret', `id=${id},src=${path}`] : [];

/** The layers of an image that docker has, laid over each other. */
async function treeOf(tag: string): Promise<string> {
  const saved = join(home, `saved-${tag.replace(':', '-')}`);
  const tree = join(saved, 'tree');
  mkdirSync(tree, { recursive: true });
  await docker(['save', '--output', join(saved, 'image.tar'), tag]);
  await run(['tar', '-C', saved, '-xf', join(saved, 'image.tar')]);
  const [manifest] = JSON.parse(readFileSync(join(saved, 'manifest.json'), 'utf8')) as readonly {
    readonly Layers: string[];
  }[];
  for (const layer of manifest?.Layers ?? []) {
    await run(['tar', '-C', tree, '--same-owner', '--same-permissions', '-xf', join(saved, layer)]);
  }
  return tree;
}

interface Saved {
  readonly created: string;
  readonly config: Readonly<Record<string, unknown>>;
}

async function configIn(archive: string): Promise<Saved> {
  return JSON.parse(await run(['tar', '-xOf', archive, 'config.json'])) as Saved;
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

async function compressedBytes(file: string): Promise<number> {
  let bytes = 0;
  const gzip = createGzip();
  gzip.on('data', (chunk: Buffer) => (bytes += chunk.length));
  await pipeline(createReadStream(file), gzip);
  return bytes;
}

test.each(architectures)(
  'make image makes the same %s image, byte by byte, in two places',
  async (architecture) => {
    const digests: string[] = [];
    for (const place of places) digests.push(await digestOf((await makeImage(architecture, place)).archive));
    expect(digests[0]).toBe(digests[1]);
  },
  buildLimitMs,
);

test.each(architectures)(
  'the Dockerfile makes the %s image that make image makes, file by file',
  async (architecture) => {
    const tag = `holdfast:${architecture}`;
    const inspected = await buildByDocker(tag, architecture);
    const { tree, archive } = await makeImage(architecture);
    // The root folder itself is in none of docker's layers: whoever unpacks them makes it.
    const [ofDocker, ofMake] = [listTree(await treeOf(tag)).slice(1), listTree(tree).slice(1)];
    expect(ofMake.length).toBeGreaterThan(100);
    expect(differences(ofDocker, ofMake)).toEqual([]);
    const { config, created } = await configIn(archive);
    expect(inspected.Architecture).toBe(architecture);
    expect(inspected.Config).toMatchObject(config);
    expect(Date.parse(created)).toBe(Number(facts.seconds) * 1000);
  },
  buildLimitMs,
);

test(
  'a build without any cache has the same layers and configuration',
  async () => {
    const first = await buildByDocker('holdfast:first', 'amd64');
    const again = await buildByDocker('holdfast:again', 'amd64', '--no-cache');
    expect(again.RootFS).toEqual(first.RootFS);
    expect(again.Config).toEqual(first.Config);
  },
  buildLimitMs,
);

test('a container needs neither root, nor capabilities, nor a file system that it can write to', async () => {
  await loadImage();
  const rights = ['--read-only', '--network', 'none', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
  expect(await docker(['run', '--rm', ...rights, loadedTag, '--version'])).toMatch(
    new RegExp(`^holdfast \\S+ \\(commit ${facts.commit.slice(0, 12)}\\)\\n$`),
  );
});

test(
  'a metadata server runs in a container of the image, with nothing to write to but its own folder',
  async () => {
    await loadImage();
    const own = '/var/lib/holdfast';
    const container = (
      await docker([
        ...['run', '--detach', '--read-only', '--network', 'none', '--cap-drop', 'ALL'],
        ...['--security-opt', 'no-new-privileges', '--tmpfs', `${own}:uid=65532,gid=65532`],
        ...['--entrypoint', node, loadedTag, '-e', idle],
      ])
    ).trim();
    const inside = (...words: readonly string[]): Promise<string> =>
      docker(['exec', '--env', `HOME=${own}`, container, 'holdfast', ...words]);
    const identity = ['--certificates', `${own}/m1`, '--data', `${own}/data`];
    try {
      await inside('pki', 'init', '--authority', `${own}/authority`);
      for (const [role, name] of [
        ['metadata', 'm1'],
        ['admin', 'ada'],
      ] as const) {
        const host = role === 'metadata' ? ['--host', '127.0.0.1'] : [];
        await inside('pki', 'issue', role, name, ...host, '--authority', `${own}/authority`, '--out', `${own}/${name}`);
      }
      await inside('metadata', 'init', ...identity);
      await docker(['exec', '--detach', container, 'holdfast', 'metadata', ...identity, '--health-listen', 'off']);
      const connection = ['--certificates', `${own}/ada`, '--server', '127.0.0.1:7400'];
      await inside('status', ...connection, '--wait', '50s');
      expect(await inside('metadata', 'status', ...connection)).toMatch(/^127\.0\.0\.1:7400 +m1 +leader +serving /m);
    } finally {
      await docker(['rm', '--force', container]);
    }
  },
  buildLimitMs,
);

test.each(architectures)('the %s image is at most 150 MiB when it is compressed', async (architecture) => {
  const { archive } = await makeImage(architecture);
  const bytes = await compressedBytes(archive);
  process.stderr.write(`the ${architecture} image is ${(bytes / 1024 / 1024).toFixed(1)} MiB, compressed\n`);
  expect(bytes).toBeLessThanOrEqual(compressedLimitBytes);
});

const loadedTag = 'holdfast/holdfast:dev';

/** docker takes what make image made; that it is what the Dockerfile makes is told above. */
async function loadImage(): Promise<void> {
  const { archive } = await makeImage('amd64');
  await docker(['load', '--input', archive], buildLimitMs);
}

const node = '/opt/holdfast/bin/node';
/** Lives until its container is removed. */
const idle = 'setInterval(() => {}, 1e9)';

const fileSystems = [
  {
    name: 'ext4',
    commands: [
      ['mkfs.ext4', '-q', '-U', '11111111-2222-4333-8444-555555555555', '/tmp/disk'],
      ['fsck.ext4', '-f', '-n', '/tmp/disk'],
      ['fsck', '-t', 'ext4', '-a', '/tmp/disk'],
      ['resize2fs', '/tmp/disk'],
      ['dumpe2fs', '-h', '/tmp/disk'],
    ],
    rename: ['tune2fs', '-f', '-U', '99999999-2222-4333-8444-555555555555', '/tmp/disk'],
  },
  {
    name: 'xfs',
    commands: [
      ['mkfs.xfs', '-q', '-m', 'uuid=11111111-2222-4333-8444-555555555555', '/tmp/disk'],
      ['xfs_repair', '-n', '/tmp/disk'],
      ['fsck', '-t', 'xfs', '-a', '/tmp/disk'],
      ['xfs_growfs', '-V'],
    ],
    rename: ['xfs_db', '-x', '-c', 'uuid 99999999-2222-4333-8444-555555555555', '/tmp/disk'],
  },
  {
    name: 'btrfs',
    commands: [
      ['mkfs.btrfs', '-q', '-U', '11111111-2222-4333-8444-555555555555', '/tmp/disk'],
      ['btrfs', 'check', '/tmp/disk'],
      ['fsck', '-t', 'btrfs', '-a', '/tmp/disk'],
      ['btrfs', 'filesystem', 'resize', '--help'],
    ],
    rename: ['btrfstune', '-f', '-U', '99999999-2222-4333-8444-555555555555', '/tmp/disk'],
  },
];

test.each(fileSystems)('the image makes, checks, tells and renames $name', async ({ name, commands, rename }) => {
  await loadImage();
  const container = (
    await docker(['run', '--detach', '--user', '0', '--network', 'none', '--entrypoint', node, loadedTag, '-e', idle])
  ).trim();
  const inside = (words: readonly string[]): Promise<string> => docker(['exec', '--user', '0', container, ...words]);
  try {
    await inside([node, '-e', `fs.ftruncateSync(fs.openSync('/tmp/disk', 'w'), ${512 * 1024 * 1024})`]);
    for (const words of commands) await inside(words);
    expect(await inside(['blkid', '-p', '/tmp/disk'])).toMatch(new RegExp(`UUID="1{8}-.*TYPE="${name}"`));
    await inside(rename);
    expect(await inside(['blkid', '-p', '-o', 'value', '-s', 'UUID', '/tmp/disk'])).toMatch(/^9{8}-/);
    await inside(['flock', '/tmp/disk', 'wipefs', '--all', '/tmp/disk']);
  } finally {
    await docker(['rm', '--force', container]);
  }
});
