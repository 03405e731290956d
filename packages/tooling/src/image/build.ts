// `make image`: builds the image's tree into build/image. HOLDFAST_COMMIT says what is built where there is no checkout to
// ask, as in a container build.
import { execFileSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../root.ts';
import { buildImage } from './image.ts';

function commitOfBuild(): string | null {
  const given = process.env['HOLDFAST_COMMIT'] ?? '';
  if (given !== '') {
    if (!/^[0-9a-f]{7,64}$/.test(given)) throw new Error(`HOLDFAST_COMMIT is no commit: ${given}`);
    return given;
  }
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    // Sources from an archive: the version alone says what this is.
    return null;
  }
}

const image = join(root, 'build/image');
// Built beside and renamed into place, so that whoever runs the image meanwhile sees the old one or the whole new one.
const fresh = `${image}.${process.pid}`;
try {
  await buildImage({ root, target: fresh, commit: commitOfBuild() });
  rmSync(image, { recursive: true, force: true });
  renameSync(fresh, image);
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
