// What bin/holdfast says of memory, which also says why: for the image's launcher, and for benches, which run as the program does.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const nodeWordsOf = "v8='";

/** Its lines: how memory is kept, and how it is collected. */
export function memorySettings(root: string): readonly string[] {
  const lines = readFileSync(join(root, 'bin/holdfast'), 'utf8').split('\n');
  const settings = lines.filter((line) => line.startsWith('export MALLOC_') || line.startsWith(nodeWordsOf));
  assert.equal(settings.length, 2, 'bin/holdfast sets how memory is kept and collected');
  return settings;
}

/** What Node is told before the program. */
export function nodeWords(root: string): readonly string[] {
  const line = memorySettings(root).find((each) => each.startsWith(nodeWordsOf));
  assert(line !== undefined, 'bin/holdfast says how memory is collected');
  return line.slice(nodeWordsOf.length, line.lastIndexOf("'")).split(' ');
}
