// The directories of each version that was ever released: a release must read them, and from the same operations, salts and
// limits write the same bytes. A version's golden files are never written anew.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { VirtualDisk } from '@holdfast/base/internal';
import { recover } from './recovery.ts';
import { directory, makeEveryKind, readAllOf, tellGroups } from './testing.ts';

const folder = join(import.meta.dirname, 'fixtures/golden-1');
const chunkNames = ['0000000000000001.chunk', '0000000000000002.chunk', '0000000000000003.chunk'];

function contentOf(disk: VirtualDisk, name: string): Buffer {
  const file = disk.files.open(join(directory, name), 'read');
  const content = Buffer.alloc(file.sizeBytes());
  file.pread(content, 0);
  return content;
}

test('the log of version 1 is read as it was', () => {
  const disk = new VirtualDisk({ seed: 1 });
  disk.files.mkdir(directory);
  for (const name of chunkNames) {
    disk.files.open(join(directory, name), 'create').pwrite(readFileSync(join(folder, name)), 0);
  }
  const found = recover({ files: disk.files, directory, mode: 'absolute', isReadOnly: false });
  const groups = found?.groups ?? new Map<number, never>();
  expect({
    groups: tellGroups(groups),
    entries: readAllOf(disk.files, groups),
    userData: Buffer.from(groups.get(2)?.durable.userData ?? []).toString('latin1'),
  }).toEqual(JSON.parse(readFileSync(join(folder, 'told.json'), 'utf8')));
});

test('the same operations write the same bytes as version 1 did', () => {
  const disk = makeEveryKind(true);
  expect(disk.files.readdir(directory).filter((name) => name.endsWith('.chunk'))).toEqual(chunkNames);
  for (const name of chunkNames) {
    expect(Buffer.compare(contentOf(disk, name), readFileSync(join(folder, name)))).toBe(0);
  }
});
