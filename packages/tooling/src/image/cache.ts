// What was fetched for the image, in the user's cache, shared by all checkouts. A file there is named by its checksum or
// made beside and renamed, so a build that was interrupted leaves nothing half.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const { HOLDFAST_CACHE, XDG_CACHE_HOME } = process.env;
export const cacheFolder = join(
  HOLDFAST_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'holdfast'),
  'image',
);

export const sha256Of = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
