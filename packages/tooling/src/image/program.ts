// The part of the image that is ours: the program bundled with code splitting (a role loads only what it needs), and a
// launcher that finds it and Node beside itself, so the tree runs wherever it lies. Relies on the program reading its version
// from ../package.json, seen from the bundle.
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { memorySettings } from '../launcher.ts';
import { developmentPackages } from '../tidy/packages.ts';
import { nodeNames } from './node-binary.ts';
import type { Architecture } from './system-files.ts';

export interface ProgramOptions {
  /** The checkout. */
  readonly root: string;
  /** Of the machines that the program will run on: it decides which native parts are taken, and nothing else. */
  readonly architecture: Architecture;
  /** An empty folder. */
  readonly target: string;
  /** What --version says; null where nobody knows. */
  readonly commit: string | null;
}

export async function buildProgram({ root, architecture, target, commit }: ProgramOptions): Promise<void> {
  const home = join(target, programHome);
  mkdirSync(home, { recursive: true });
  await bundle(root, architecture, join(home, 'lib'));
  writeFileSync(
    join(home, 'package.json'),
    JSON.stringify({ name: 'holdfast', version: versionOf(root), type: 'module' }) + '\n',
  );
  mkdirSync(join(target, 'usr/bin'), { recursive: true });
  writeFileSync(join(target, 'usr/bin/holdfast'), launcher(commit, memorySettings(root)), { mode: 0o755 });
}

export const versionOf = (root: string): string =>
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }).version;

/** Where the program lies in the image. */
const programHome = 'opt/holdfast';
/** The bundle, and the native parts that it loads. */
export const programLibrary = `${programHome}/lib`;

/** How a source file names the file of a thread that it starts; a bundler does not follow that by itself. */
const threadReference = /new URL\('(\.{1,2}\/[\w./-]+\.ts)', import\.meta\.url\)/g;

/** raft-log-worker for packages/raft-log/src/worker.ts: in the bundle all lie in one folder. */
const threadName = (path: string): string =>
  path
    .replace(/^packages\//, '')
    .replace('/src/', '/')
    .slice(0, -3)
    .replaceAll('/', '-');

/** Threads' own files by their names in the bundle. */
function findThreads(root: string): Readonly<Record<string, string>> {
  const files = globSync('packages/*/src/**/*.ts', { cwd: root }).filter(
    (file) => !file.endsWith('.test.ts') && !developmentPackages.some((name) => file.startsWith(`packages/${name}/`)),
  );
  const threads = files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(threadReference)].map(([, path = '']) =>
      join(dirname(file), path),
    ),
  );
  return Object.fromEntries(threads.toSorted().map((path) => [threadName(path), path]));
}

const threadPaths = (root: string): Plugin => ({
  name: 'thread-paths',
  setup(bundler) {
    bundler.onLoad({ filter: /\/packages\/[^/]+\/src\/.*\.ts$/ }, ({ path }) => {
      const folder = dirname(relative(root, path));
      const contents = readFileSync(path, 'utf8').replaceAll(
        threadReference,
        (_, thread: string) => `new URL('./${threadName(join(folder, thread))}.js', import.meta.url)`,
      );
      return { contents, loader: 'ts' };
    });
  },
});

/**
 * SQLite as its package brings it, compiled, for each architecture. The package's main file chooses while it runs, by paths that a
 * bundler cannot follow; its files for one architecture name the one native part that they load.
 */
const nativeParts = (architecture: Architecture): Plugin => ({
  name: 'native-parts',
  setup(bundler) {
    bundler.onResolve({ filter: /^better-sqlite3$/ }, async ({ path, kind, resolveDir }) =>
      bundler.resolve(`${path}/linux-${nodeNames[architecture]}`, { kind, resolveDir }),
    );
  },
});

async function bundle(root: string, architecture: Architecture, outdir: string): Promise<void> {
  await build({
    // Paths in what it writes are told from here: they must not tell where the checkout lies.
    absWorkingDir: root,
    entryPoints: { main: 'packages/holdfast/src/main.ts', ...findThreads(root) },
    plugins: [threadPaths(root), nativeParts(architecture)],
    loader: { '.node': 'copy' },
    assetNames: '[name]',
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    chunkNames: '[name]-[hash]',
    legalComments: 'linked',
    logLevel: 'warning',
    // Dependencies that are CommonJS call require for Node's own modules.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
}

const launcher = (commit: string | null, settings: readonly string[]): string => `#!/bin/sh
# Starts holdfast with the Node that lies beside it.
self=$0
[ -L "$self" ] && self=$(readlink -f -- "$self")
home=\${self%/*}/../../opt/holdfast
${commit === null ? '' : `export HOLDFAST_COMMIT=${commit}\n`}${settings.join('\n')}
exec "$home/bin/node" $v8 "$home/lib/main.js" "$@"
`;
