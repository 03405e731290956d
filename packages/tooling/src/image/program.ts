// The part of the image that is ours: the program bundled with code splitting (a role loads only what it needs), and a
// launcher that finds it and Node beside itself, so the tree runs wherever it lies. Relies on the program reading its version
// from ../package.json, seen from the bundle.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

export interface ProgramOptions {
  /** The checkout. */
  readonly root: string;
  /** An empty folder. */
  readonly target: string;
  /** What --version says; null where nobody knows. */
  readonly commit: string | null;
}

export async function buildProgram({ root, target, commit }: ProgramOptions): Promise<void> {
  const home = join(target, 'opt/holdfast');
  mkdirSync(home, { recursive: true });
  await bundle(root, join(home, 'lib'));
  writeFileSync(
    join(home, 'package.json'),
    JSON.stringify({ name: 'holdfast', version: versionOf(root), type: 'module' }) + '\n',
  );
  mkdirSync(join(target, 'usr/bin'), { recursive: true });
  writeFileSync(join(target, 'usr/bin/holdfast'), launcher(commit), { mode: 0o755 });
}

export const versionOf = (root: string): string =>
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }).version;

async function bundle(root: string, outdir: string): Promise<void> {
  await build({
    // Paths in what it writes are told from here: they must not tell where the checkout lies.
    absWorkingDir: root,
    entryPoints: ['packages/holdfast/src/main.ts'],
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

const launcher = (commit: string | null): string => `#!/bin/sh
# Starts holdfast with the Node that lies beside it.
self=$0
[ -L "$self" ] && self=$(readlink -f -- "$self")
home=\${self%/*}/../../opt/holdfast
${commit === null ? '' : `export HOLDFAST_COMMIT=${commit}\n`}exec "$home/bin/node" "$home/lib/main.js" "$@"
`;
