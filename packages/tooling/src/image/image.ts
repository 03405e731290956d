// The tree of the container image: the program bundled with code splitting (a role loads only what it needs), the Node
// binary, and a launcher that finds both beside itself, so the tree runs wherever it lies. Relies on the program reading
// its version from ../package.json, seen from the bundle.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

export interface ImageOptions {
  /** The checkout. */
  readonly root: string;
  /** An empty folder. */
  readonly target: string;
  /** What --version says; null where nobody knows. */
  readonly commit: string | null;
}

export async function buildImage({ root, target, commit }: ImageOptions): Promise<void> {
  const home = join(target, 'opt/holdfast');
  mkdirSync(join(home, 'bin'), { recursive: true });
  await bundle(root, join(home, 'lib'));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'holdfast', version, type: 'module' }) + '\n');
  copyFileSync(process.execPath, join(home, 'bin/node'));
  mkdirSync(join(target, 'usr/bin'), { recursive: true });
  writeFileSync(join(target, 'usr/bin/holdfast'), launcher(commit), { mode: 0o755 });
}

async function bundle(root: string, outdir: string): Promise<void> {
  await build({
    entryPoints: [join(root, 'packages/holdfast/src/main.ts')],
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
