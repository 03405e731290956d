// Reads the checkout as a Repository: what git tracks or would add, as it lies in the work tree.
import { execFileSync } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Repository, RepositoryFile } from './repository.ts';

/** The fixtures break the rules on purpose. */
const fixtures = 'packages/tooling/src/tidy/fixtures/';
const listBytesMax = 64 * 2 ** 20;

export function readCheckout(root: string): Repository {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: listBytesMax,
  });
  const paths = new Set(listed.split('\0').filter((path) => path !== '' && !path.startsWith(fixtures)));
  return new Repository([...paths].flatMap((path) => readText(root, path)));
}

/** A file's text; nothing for one that is deleted and not committed yet, and for what is no text. */
function readText(root: string, path: string): RepositoryFile[] {
  const entry = lstatSync(join(root, path), { throwIfNoEntry: false });
  if (entry?.isFile() !== true) return [];
  const content = readFileSync(join(root, path));
  return [new RepositoryFile(path, content.includes(0) ? '' : content.toString('utf8'))];
}
