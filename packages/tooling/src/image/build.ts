// `make image`: builds the image's tree into build/image and the image as one file into build/image.tar (with -arm64 or
// -amd64 in the names for the architecture that is not the machine's). With --layers FOLDER it leaves the layers there and
// packs nothing: the Dockerfile's part. What git would say comes from the environment where there is no checkout, as in a
// container build: HOLDFAST_COMMIT, SOURCE_DATE_EPOCH.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../root.ts';
import { writeArchive } from './archive.ts';
import { describeImage } from './image-config.ts';
import { buildLayers, layerNames, mergeLayers } from './image.ts';
import { ownArchitecture } from './node-binary.ts';
import { readPins } from './pins.ts';
import { versionOf } from './program.ts';
import { architectures } from './system-files.ts';

const { values } = parseArgs({
  options: {
    architecture: { type: 'string', default: ownArchitecture() },
    tag: { type: 'string', default: 'holdfast/holdfast:dev' },
    layers: { type: 'string' },
  },
});

function given(variable: string, form: RegExp): string | null {
  const value = process.env[variable] ?? '';
  if (value === '') return null;
  if (!form.test(value)) throw new Error(`${variable} is not what it should be: ${value}`);
  return value;
}

function askGit(...words: readonly string[]): string | null {
  try {
    return execFileSync('git', words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    // Sources from an archive: the version alone says what this is.
    return null;
  }
}

async function main(): Promise<void> {
  const architecture = architectures.find((name) => name === values.architecture);
  if (architecture === undefined) {
    throw new Error(`there is no image for ${values.architecture}; there are ${architectures.join(', ')}`);
  }
  const commit = given('HOLDFAST_COMMIT', /^[0-9a-f]{7,64}$/) ?? askGit('rev-parse', 'HEAD');
  const createdSeconds = Number(given('SOURCE_DATE_EPOCH', /^\d{1,10}$/) ?? askGit('log', '-1', '--format=%ct') ?? 0);
  const pins = readPins();

  if (values.layers === undefined) {
    const image = join(root, 'build/image') + (architecture === ownArchitecture() ? '' : `-${architecture}`);
    mkdirSync(join(root, 'build'), { recursive: true });
    // Built beside and renamed into place, so that whoever runs the image meanwhile sees the old one or the whole new one.
    const target = mkdtempSync(`${image}.`);
    try {
      await buildLayers({ root, pins, architecture, commit, target });
      const layers = layerNames.map((name) => join(target, name));
      const config = describeImage({ architecture, version: versionOf(root), commit, createdSeconds });
      writeArchive({ layers, config, tag: values.tag, target: `${image}.tar` });
      mergeLayers(target, pins, image);
    } finally {
      rmSync(target, { recursive: true, force: true });
    }
  } else {
    await buildLayers({ root, pins, architecture, commit, target: values.layers });
  }
}

try {
  await main();
} catch (error) {
  console.error(`image: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
