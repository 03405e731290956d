// Where a failed case leaves what it left behind: build/e2e/SUITE/CASE, said on stderr so that nobody has to look for it.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { artefactsVariable } from './suites.ts';

/** A name as part of a path, of a namespace, of anything that takes small letters, digits and hyphens. */
export const slug = (name: string, lengthLimit = 80): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, lengthLimit)
    .replaceAll(/^-|-$/g, '');

/** Makes the folder of a failed case with the failure in it. Null when jest runs without the runner of the suites. */
export async function openArtefacts(caseName: string, error: unknown): Promise<string | null> {
  const parent = process.env[artefactsVariable];
  if (parent === undefined) return null;
  const folder = join(parent, slug(caseName));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'failure.txt'), String(error instanceof Error ? error.stack : error));
  process.stderr.write(`${caseName}: failed; what it left is in ${folder}\n`);
  return folder;
}
