import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { messageOf, RealFiles, type OpenFile } from '@holdfast/base';
import { SyncThread } from './file-syncer.ts';

const files = new RealFiles();

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-sync-'));
  try {
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('a thread syncs the files that it is given, in their order, and says of each what became of it', () =>
  inDirectory(async (directory) => {
    const syncer = new SyncThread();
    const [kept, lost] = ['kept', 'lost'].map((name) => files.open(join(directory, name), 'create'));
    if (kept === undefined || lost === undefined) throw new Error('two files were opened');
    kept.pwrite(Buffer.alloc(100_000), 0);
    files.unlink(lost.path);
    const order: string[] = [];
    const told = [kept, lost, kept].map(async (file) => {
      const outcome = await syncer.sync(file).then(
        () => 'synced',
        (error: unknown) => messageOf(error),
      );
      order.push(outcome);
    });
    await Promise.all(told);
    expect(order).toEqual(['synced', expect.stringContaining('FILE_NOT_FOUND'), 'synced']);
    for (const file of [kept, lost]) file.close();
    syncer.close();
  }));

test('a thread that ends by a defect is told to who waited for it, and there is another one for who comes next', () =>
  inDirectory(async (directory) => {
    const syncer = new SyncThread();
    const file = files.open(join(directory, 'file'), 'create');
    const unspeakable: unknown = { path: { toString: null, valueOf: null } };
    await expect(syncer.sync(unspeakable as OpenFile)).rejects.toThrow('Cannot convert object to primitive value');
    await syncer.sync(file);
    await syncer.sync(file);
    file.close();
    syncer.close();
  }));

test('what is under way when it is closed is carried out, and nothing behind it', () =>
  inDirectory(async (directory) => {
    const syncer = new SyncThread();
    const file = files.open(join(directory, 'file'), 'create');
    const first = syncer.sync(file);
    syncer.close();
    await first;
    await expect(syncer.sync(file)).rejects.toMatchObject({ code: 'CANCELLED' });
    file.close();
  }));
