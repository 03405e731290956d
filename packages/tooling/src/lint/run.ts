// `make lint`: eslint over the workspace with a cache that types cannot make stale. The verdict on a file depends on the
// types of the files it imports, so the cache is kept per state of all emitted declarations (build/types, written by
// `make types`), rules and versions: while they stand, only files whose content changed are linted again.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { root } from '../root.ts';

const inputs = [
  'build/types/**/*.d.ts',
  'packages/*/tsconfig*.json',
  'packages/tooling/eslint.config.ts',
  'packages/tooling/src/limits.ts',
  'pnpm-lock.yaml',
];

function hashInputs(): string {
  const hash = createHash('sha256').update(process.version);
  for (const path of globSync(inputs, { cwd: root }).toSorted()) {
    hash.update(`\0${path}\0`).update(readFileSync(join(root, path)));
  }
  return hash.digest('hex').slice(0, 16);
}

const caches = join(root, 'build', 'cache', 'eslint');
const cache = hashInputs();
mkdirSync(caches, { recursive: true });
for (const name of readdirSync(caches)) {
  if (name !== cache) rmSync(join(caches, name), { recursive: true });
}

const eslint = join(dirname(createRequire(import.meta.url).resolve('eslint/package.json')), 'bin', 'eslint.js');
const { status } = spawnSync(
  process.execPath,
  [
    eslint,
    '--config=packages/tooling/eslint.config.ts',
    '--flag=unstable_native_nodejs_ts_config',
    '--max-warnings=0',
    '--cache',
    '--cache-strategy=content',
    `--cache-location=${join(caches, cache)}`,
    ...(process.argv.length > 2 ? process.argv.slice(2) : ['packages']),
  ],
  { cwd: root, stdio: 'inherit' },
);
process.exitCode = status ?? 1;
