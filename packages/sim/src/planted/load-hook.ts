// Plants a bug in the thread or process that calls it: whatever loads the file from then on gets the changed text. So it is the
// first thing that such a thread does, before anything of the tested packages is loaded; what is loaded already stays right.
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { invariant } from '@holdfast/base';
import { changed } from '@holdfast/tooling';
import type { PlantedBug } from './planted-bug.ts';

export const packagesFolder = join(import.meta.dirname, '../../..');

export interface Planting {
  /** The file was loaded since, so the bug is in what runs. */
  readonly isLoaded: boolean;
}

export function plant(bug: PlantedBug): Planting {
  const planting = { isLoaded: false };
  const address = pathToFileURL(join(packagesFolder, bug.file)).href;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (url !== address) return loaded;
      invariant(loaded.source !== undefined, `${url} was loaded without its text`);
      planting.isLoaded = true;
      const { source } = loaded;
      const text = typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString('utf8');
      return { ...loaded, source: changed(text, bug) };
    },
  });
  return planting;
}
