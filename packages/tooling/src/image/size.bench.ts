// What a node pulls: the image's size on its way, as registries keep it, for both architectures.
import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Bench } from '../bench/contract.ts';
import { root } from '../root.ts';
import { ownArchitecture } from './node-binary.ts';
import { architectures } from './system-files.ts';

const bytesPerMib = 1024 * 1024;

const bench: Bench = {
  name: 'image',
  async run(report) {
    for (const architecture of architectures) {
      execFileSync('make', ['image', `ARCH=${architecture}`], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
      const suffix = architecture === ownArchitecture() ? '' : `-${architecture}`;
      const bytes = await compressedBytes(join(root, `build/image${suffix}.tar`));
      report.figure(`compressed-${architecture}`, bytes / bytesPerMib, 'MiB', { atMost: 150 });
    }
  },
};
export default bench;

async function compressedBytes(file: string): Promise<number> {
  const gzip = createGzip();
  let bytes = 0;
  gzip.on('data', (chunk: Buffer) => (bytes += chunk.length));
  await pipeline(createReadStream(file), gzip);
  return bytes;
}
