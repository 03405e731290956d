// A Debian as a base image, where none can be pulled: made by debootstrap and kept in the user's cache. It knows the sources
// and settings of this machine's apt, because how a machine reaches its mirrors is the machine's business.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../kube/command.ts';
import { install } from './docker-daemon.ts';

const { HOLDFAST_CACHE, XDG_CACHE_HOME } = process.env;
const cacheFolder = join(HOLDFAST_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'holdfast'), 'bare');
const release = 'bookworm';

/** The path of a tar of its file tree. */
export async function debianBase(): Promise<string> {
  const sources = await sourcesOfMachine();
  const key = createHash('sha256').update(sources.join('')).digest('hex').slice(0, 12);
  const tar = join(cacheFolder, `${release}-${key}.tar`);
  if (existsSync(tar)) return tar;
  await install('debootstrap', '/usr/sbin/debootstrap');
  await mkdir(cacheFolder, { recursive: true });
  const work = await mkdtemp(join(tmpdir(), 'holdfast-debian-'));
  try {
    const tree = join(work, 'tree');
    await run(['/usr/sbin/debootstrap', '--variant=minbase', release, tree, sources[0]?.split(' ')[1] ?? ''], {
      limitMs: 600_000,
    });
    await writeFile(join(tree, 'etc/apt/sources.list'), sources.join(''));
    await cp('/etc/apt/apt.conf.d', join(tree, 'etc/apt/apt.conf.d'), { recursive: true });
    await rm(join(tree, 'var/cache/apt/archives'), { recursive: true });
    await run(['tar', '-C', tree, '-cf', `${tar}.${process.pid}`, '.'], { limitMs: 120_000 });
    await rename(`${tar}.${process.pid}`, tar);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return tar;
}

/** Lines of a sources.list: the release, its updates and its security updates, from where this machine has them. */
async function sourcesOfMachine(): Promise<readonly string[]> {
  const targets = await run(['apt-get', 'indextargets', '--format=$(CODENAME)|$(SITE)', 'Created-By: Packages']);
  const siteOf = (suite: string): string | null =>
    targets
      .split('\n')
      .find((line) => line.startsWith(`${suite}|`))
      ?.slice(suite.length + 1) ?? null;
  const suites = [release, `${release}-updates`, `${release}-security`];
  const lines = suites.flatMap((suite) => {
    const site = siteOf(suite);
    return site === null ? [] : [`deb ${site} ${suite} main\n`];
  });
  if (lines[0]?.includes(` ${release} `) !== true) {
    throw new Error(`apt on this machine knows no ${release}: put it into its sources and run 'apt-get update' once`);
  }
  return lines;
}
