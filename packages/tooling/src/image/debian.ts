// Debian's packages by apt, with a state of its own: the machine's sources, proxies and trust are used and nothing of the
// machine's apt is changed. Any architecture can be asked for, since nothing is installed or run. Needs apt and dpkg-deb.
import { execFileSync, type ExecFileSyncOptions } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder, sha256Of } from './cache.ts';
import { allPackages, suite, type Architecture } from './system-files.ts';
import type { DebianPin, Pins } from './pins.ts';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const debFolder = join(cacheFolder, 'debs');
const debFile = (sha256: string): string => join(debFolder, `${sha256}.deb`);

/** Paths of the pinned packages' files by name; what the cache does not have is fetched. */
export function fetchDebs(pins: Pins, architecture: Architecture): ReadonlyMap<string, string> {
  const pinned = Object.entries(pins.debian[architecture]);
  const missing = pinned.filter(([, { sha256 }]) => !existsSync(debFile(sha256)));
  if (missing.length > 0) {
    withApt(architecture, (apt) => {
      apt.download(missing.map(([name, { version }]) => `${name}=${version}`));
    });
    const absent = missing.filter(([, { sha256 }]) => !existsSync(debFile(sha256)));
    if (absent.length > 0) throw new Error(`not the pinned bytes: ${absent.map(([name]) => name).join(', ')}`);
  }
  return new Map(pinned.map(([name, { sha256 }]) => [name, debFile(sha256)]));
}

/** What Debian serves today. */
export function lookUpPins(architecture: Architecture): Readonly<Record<string, DebianPin>> {
  return withApt(architecture, (apt) =>
    Object.fromEntries(
      allPackages.map((name) => {
        const record = apt.show(name);
        return [name, { version: field(record, 'Version'), sha256: field(record, 'SHA256') }];
      }),
    ),
  );
}

export const controlOf = (deb: string): string => execFileSync('dpkg-deb', ['--field', deb], { encoding: 'utf8' });

function field(record: string, name: string): string {
  const value = new RegExp(`^${name}: (.*)$`, 'm').exec(record)?.[1];
  if (value === undefined) throw new Error(`apt shows no ${name} in:\n${record}`);
  return value;
}

class Apt {
  readonly #folder: string;
  readonly #options: ExecFileSyncOptions;

  constructor(folder: string) {
    this.#folder = folder;
    this.#options = {
      cwd: folder,
      env: { ...process.env, APT_CONFIG: join(folder, 'apt.conf'), LC_ALL: 'C.UTF-8' },
      stdio: ['ignore', 'pipe', 'pipe'],
    };
  }

  update(): void {
    this.#run('apt-get', ['update', '--quiet', '--error-on=any']);
  }

  show(name: string): string {
    return this.#run('apt-cache', ['show', '--no-all-versions', name]);
  }

  /** Into the cache, by their checksums. */
  download(words: readonly string[]): void {
    this.#run('apt-get', ['download', '--quiet', ...words]);
    mkdirSync(debFolder, { recursive: true });
    for (const file of readdirSync(this.#folder).filter((name) => name.endsWith('.deb'))) {
      const fetched = join(this.#folder, file);
      const part = `${debFile(sha256Of(fetched))}.${process.pid}`;
      // Another file system than the cache's may hold the temporary folder.
      writeFileSync(part, readFileSync(fetched));
      renameSync(part, part.slice(0, -`.${process.pid}`.length));
    }
  }

  #run(command: string, words: readonly string[]): string {
    try {
      return String(execFileSync(command, words, this.#options));
    } catch (error) {
      const said = String((error as { readonly stderr?: unknown }).stderr ?? error).trim();
      throw new Error(`${command} ${words[0] ?? ''}: ${said}\n${remedy}`, { cause: error });
    }
  }
}

const remedy =
  "Debian keeps old versions only in its archive: 'make image-pins' pins those of today, or let the machine's apt " +
  'sources name an archive of the day of packages/tooling/src/image/pins.json.';

function withApt<Result>(architecture: Architecture, use: (apt: Apt) => Result): Result {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-apt-'));
  try {
    mkdirSync(join(folder, 'lists/partial'), { recursive: true });
    mkdirSync(join(folder, 'cache/archives/partial'), { recursive: true });
    mkdirSync(join(folder, 'empty'));
    writeFileSync(join(folder, 'status'), '');
    writeFileSync(join(folder, 'sources.list'), sources());
    writeFileSync(join(folder, 'apt.conf'), configuration(folder, architecture));
    const apt = new Apt(folder);
    apt.update();
    return use(apt);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function askApt(command: string, words: readonly string[]): string {
  try {
    return execFileSync(command, words, { encoding: 'utf8' });
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== 'ENOENT') throw error;
    throw new Error(
      `${command} is not installed: the image's packages are fetched by a Debian's apt, or build the Dockerfile`,
    );
  }
}

/** The sites that the machine has Debian from, for the suites of the image's release, whatever the machine's own is. */
function sources(): string {
  const format = '--format=$(LABEL)|$(SITE)';
  const targets = askApt('apt-get', ['indextargets', format, 'Created-By: Packages']);
  const site = (label: string): string | null =>
    targets
      .split('\n')
      .find((line) => line.startsWith(`${label}|`))
      ?.slice(label.length + 1) ?? null;
  const [main, security] = [site('Debian'), site('Debian-Security')];
  if (main === null) {
    throw new Error("apt knows no Debian: put one into its sources and run 'apt-get update' once");
  }
  const lines = [`${main} ${suite} main`, `${main} ${suite}-updates main`];
  if (security !== null) lines.push(`${security} ${suite}-security main`);
  const signed = existsSync(keyring) ? `[signed-by=${keyring}] ` : '';
  return lines.map((line) => `deb ${signed}${line}\n`).join('');
}

/** How the machine reaches its mirrors is taken over; what it would do after an update is not. */
function configuration(folder: string, architecture: Architecture): string {
  const acquire = askApt('apt-config', ['dump', '--format', '%F "%v";%n', 'Acquire'])
    .split('\n')
    .filter((line) => !line.startsWith('Acquire::IndexTargets') && !line.endsWith(' "";'));
  return [
    ...acquire,
    'Acquire::Languages "none";',
    `Dir::State::Lists "${folder}/lists";`,
    `Dir::State::status "${folder}/status";`,
    `Dir::Cache "${folder}/cache";`,
    `Dir::Etc::SourceList "${folder}/sources.list";`,
    `Dir::Etc::SourceParts "${folder}/empty";`,
    `Dir::Etc::PreferencesParts "${folder}/empty";`,
    `Dir::Etc::Parts "${folder}/empty";`,
    'Dir::Etc::main "/dev/null";',
    `APT::Architecture "${architecture}";`,
    `APT::Architectures "${architecture}";`,
    // The user whom apt would become cannot enter the folder.
    'APT::Sandbox::User "";',
    '',
  ].join('\n');
}
