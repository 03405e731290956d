// The release that this is, and the commit where it is known. Must stay cheap: `holdfast --version` imports nothing else.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const packageFolder = join(import.meta.dirname, '..');

export function version(): string {
  const manifest = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}

/** The image says its commit in the environment; a checkout is asked itself. Null where neither knows. */
export function commit(environment: Readonly<Record<string, string | undefined>>): string | null {
  return environment['HOLDFAST_COMMIT'] ?? commitOfCheckout(join(packageFolder, '..', '..', '.git'));
}

export function commitOfCheckout(gitFolder: string): string | null {
  const head = readLine(join(gitFolder, 'HEAD'));
  if (head?.startsWith('ref: ') !== true) return head;
  const reference = head.slice('ref: '.length);
  const loose = readLine(join(gitFolder, reference));
  if (loose !== null) return loose;
  // git gc moves references into one file.
  const packed = readText(join(gitFolder, 'packed-refs'))?.split('\n') ?? [];
  return packed.find((line) => line.endsWith(` ${reference}`))?.split(' ')[0] ?? null;
}

export function versionLine(environment: Readonly<Record<string, string | undefined>>): string {
  const hash = commit(environment);
  return hash === null ? `holdfast ${version()}` : `holdfast ${version()} (commit ${hash.slice(0, 12)})`;
}

function readLine(path: string): string | null {
  return readText(path)?.split('\n')[0] ?? null;
}

/** Null also where .git is a file, as in a second worktree: then the commit is simply not known. */
function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
