// The part of the image that is not ours: files of pinned Debian packages, the Node binary, and the shared libraries that
// they name, followed to the end; a library that nobody brings fails the build. Nothing of the target architecture is run.
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join, normalize, relative } from 'node:path';
import { sha256Of } from './cache.ts';
import { controlOf, fetchDebs } from './debian.ts';
import { readLoaderNeeds } from './elf.ts';
import { exists, filesBelow } from './files.ts';
import { fetchNode, nodeVersion } from './node-binary.ts';
import type { Pins } from './pins.ts';
import {
  libraryFolder,
  libraryPackages,
  ownFiles,
  ownFolders,
  ownLinks,
  programPackages,
  type Architecture,
} from './system-files.ts';

export const nodePath = 'opt/holdfast/bin/node';

export interface SystemOptions {
  readonly pins: Pins;
  readonly architecture: Architecture;
  /** The tree of the program, whose native parts need libraries as well. */
  readonly program: string;
  /** An empty folder. */
  readonly target: string;
}

export function buildSystem({ pins, architecture, program, target }: SystemOptions): void {
  const debs = fetchDebs(pins, architecture);
  const work = mkdtempSync(join(tmpdir(), 'holdfast-system-'));
  try {
    const packages = new Map([...debs].map(([name, deb]) => [name, unpack(name, deb, join(work, name))]));
    const system = new System(target, packages, architecture);
    addOwn(target, architecture);
    addNode(target, pins.node[architecture], architecture);
    for (const { name, keeps } of programPackages) system.keep(name, keeps);
    system.close([target, program]);
    for (const name of libraryPackages) {
      if (!system.used.has(name)) throw new Error(`nothing in the image needs a library of ${name}: drop it`);
    }
    for (const name of system.used) describe(target, name, packages, debs.get(name) ?? '');
  } finally {
    rmSync(work, { recursive: true });
  }
}

function unpack(name: string, deb: string, folder: string): string {
  try {
    execFileSync('dpkg-deb', ['--extract', deb, folder], { stdio: ['ignore', 'ignore', 'pipe'] });
    return folder;
  } catch (error) {
    throw new Error(`${name} could not be unpacked: dpkg-deb is needed (Debian package dpkg)`, { cause: error });
  }
}

/** Where a package's path lies after the merge of the folders at the top into /usr. */
const merged = (path: string): string => path.replace(/^\/?((?:s?bin|lib(?:64)?)\/)/, 'usr/$1').replace(/^\//, '');
/** Where a path of the image may lie in a package that is older than the merge. */
const unmerged = (path: string): readonly string[] => [path, path.replace(/^usr\//, '')];

class System {
  readonly used = new Set<string>();
  readonly #target: string;
  readonly #packages: ReadonlyMap<string, string>;
  readonly #architecture: Architecture;

  constructor(target: string, packages: ReadonlyMap<string, string>, architecture: Architecture) {
    this.#target = target;
    this.#packages = packages;
    this.#architecture = architecture;
  }

  keep(name: string, paths: readonly string[]): void {
    for (const path of paths) {
      const source = this.#find(name, path);
      if (source === null) throw new Error(`${name} has no ${path}`);
      this.#copy(name, source, path);
    }
  }

  /** Adds what the trees' programs and libraries load, until they name nothing further. */
  close(trees: readonly string[]): void {
    const open = trees.flatMap((tree) => filesBelow(tree).map((path) => join(tree, path)));
    for (const file of open) {
      const needs = readLoaderNeeds(readFileSync(file));
      if (needs === null) continue;
      if (needs.machine !== this.#architecture) throw new Error(`${file} is not for ${this.#architecture}`);
      const wanted = needs.libraries.map((library) => this.#pathOf(library));
      if (needs.interpreter !== null) wanted.push(merged(needs.interpreter));
      const added = wanted.flatMap((library) => this.#addLibrary(library, file));
      open.push(...added.map((path) => join(this.#target, path)));
    }
  }

  /** The loader lies where programs look for it, other libraries in the folder of the architecture. */
  #pathOf(library: string): string {
    const loaders = ['usr/lib64', 'usr/lib'].map((folder) => `${folder}/${library}`);
    return (
      loaders.find((path) => this.#find('libc6', path) !== null) ?? `${libraryFolder[this.#architecture]}/${library}`
    );
  }

  #addLibrary(path: string, wantedBy: string): readonly string[] {
    if (exists(join(this.#target, path))) return [];
    for (const name of libraryPackages) {
      const source = this.#find(name, path);
      if (source !== null) return this.#copy(name, source, path);
    }
    throw new Error(`${wantedBy} needs ${path}, which no package of system-files.ts brings`);
  }

  #find(name: string, path: string): string | null {
    const folder = this.#packages.get(name);
    if (folder === undefined) throw new Error(`${name} is not pinned: run 'make image-pins'`);
    return (
      unmerged(path)
        .map((one) => join(folder, one))
        .find(exists) ?? null
    );
  }

  /** Copies a file, a folder, or a link with what it leads to; answers the files. */
  #copy(name: string, source: string, path: string): readonly string[] {
    this.used.add(name);
    const target = join(this.#target, path);
    mkdirSync(dirname(target), { recursive: true });
    const kind = lstatSync(source);
    if (kind.isDirectory()) {
      return readdirSync(source).flatMap((entry) => this.#copy(name, join(source, entry), `${path}/${entry}`));
    }
    if (!kind.isSymbolicLink()) {
      copyFileSync(source, target);
      return [path];
    }
    const destination = merged(readlinkSync(source));
    const isAbsolute = readlinkSync(source).startsWith('/');
    const led = normalize(isAbsolute ? destination : join(dirname(path), destination));
    if (!exists(target)) symlinkSync(relative(dirname(path), led), target);
    if (exists(join(this.#target, led))) return [];
    const next = this.#find(name, led);
    if (next === null) throw new Error(`${path} of ${name} leads to ${led}, which it does not have`);
    return this.#copy(name, next, led);
  }
}

function addOwn(target: string, architecture: Architecture): void {
  for (const path of Object.keys(ownFolders)) {
    mkdirSync(join(target, path), { recursive: true });
  }
  for (const [path, text] of Object.entries(ownFiles)) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    writeFileSync(join(target, path), text);
  }
  const links = architecture === 'amd64' ? { ...ownLinks, lib64: 'usr/lib64' } : ownLinks;
  for (const [path, to] of Object.entries(links)) symlinkSync(to, join(target, path));
}

function addNode(target: string, sha256: string, architecture: Architecture): void {
  const binary = fetchNode(architecture);
  if (sha256Of(binary) !== sha256) {
    throw new Error(
      `${binary} is not the pinned Node ${nodeVersion()}: run 'make setup', or 'make image-pins' to pin it`,
    );
  }
  mkdirSync(dirname(join(target, nodePath)), { recursive: true });
  copyFileSync(binary, join(target, nodePath));
}

/** A package's licence, and its record where scanners look for the packages of an image that has no package manager. */
function describe(target: string, name: string, packages: ReadonlyMap<string, string>, deb: string): void {
  const documents = join('usr/share/doc', name);
  mkdirSync(join(target, documents), { recursive: true });
  writeFileSync(join(target, documents, 'copyright'), readFileSync(licenceOf(name, packages)));
  mkdirSync(join(target, 'var/lib/dpkg/status.d'), { recursive: true });
  writeFileSync(join(target, 'var/lib/dpkg/status.d', name), controlOf(deb));
}

/** Packages of one source may share their documents: all but one have a link in place of the folder. */
function licenceOf(name: string, packages: ReadonlyMap<string, string>): string {
  const documents = join(packages.get(name) ?? '', 'usr/share/doc', name);
  const owner = lstatSync(documents).isSymbolicLink() ? readlinkSync(documents) : name;
  return join(packages.get(owner) ?? '', 'usr/share/doc', owner, 'copyright');
}
