// A leader's entries take the place of those of a deposed one, in one batch with the cut before and the commit behind; any of the
// batch's blocks are lost. What is left must never be a log that nobody wrote.
import { describe, expect, test } from '@jest/globals';
import type { VirtualDisk } from '@holdfast/base/internal';
import { listLog, readChunk } from './chunk-files.ts';
import { scanChunk, type FoundBatch } from './chunk-scan.ts';
import type { Operation } from './operation.ts';
import { Group } from './group.ts';
import { directory, entries, newDisk, smallLimits, SyncLog, tellGroups } from './testing.ts';

const chunkPath = `${directory}/0000000000000001.chunk`;
const blockBytes = smallLimits.blockBytes ?? 0;
const old = '1:7 2:7 3:7 4:7 5:7 6:7';

/** Entries 1 to 6 of term 7, of which two are committed; then a batch with the operations, of its own group and of another one. */
function makeLog(operations: (log: SyncLog) => readonly Operation[]): { disk: VirtualDisk; batch: FoundBatch } {
  const disk = newDisk();
  const log = new SyncLog(disk.files, 1);
  log.do({ kind: 'create', group: new Group(1) }, { kind: 'create', group: new Group(2) });
  log.do(
    { kind: 'vote', group: log.group(1), term: 8, vote: 1 },
    { kind: 'vote', group: log.group(2), term: 8, vote: 1 },
  );
  log.do({ kind: 'append', group: log.group(1), entries: entries(1, 7, 'a', 'b', 'c', 'd', 'e', 'f') });
  log.do({ kind: 'commit', group: log.group(1), index: 2 });
  log.do(...operations(log));
  return { disk, batch: lastBatch(disk) };
}

function lastBatch(disk: VirtualDisk): FoundBatch {
  const [chunk] = listLog(disk.files, directory).chunks;
  if (chunk?.reading === undefined || chunk.reading === null) throw new Error('the log has no chunk');
  const batch = [...scanChunk(readChunk(disk.files, chunk.path, chunk.reading.header), { isFollowed: false })].at(-1);
  if (batch === undefined) throw new Error('the log has no batch');
  return batch;
}

const payload = 'x'.repeat(500);
const another = (log: SyncLog): Operation => ({
  ...{ kind: 'append', group: log.group(2) },
  entries: entries(log.group(2).staged.lastIndex + 1, 8, payload),
});

const takeovers: readonly [string, (log: SyncLog) => readonly Operation[], readonly string[]][] = [
  [
    'the cut, as many entries as were there, the commit',
    (log) => [
      another(log),
      { kind: 'truncate', group: log.group(1), index: 2 },
      { kind: 'append', group: log.group(1), entries: entries(3, 8, payload, payload, payload, payload) },
      { kind: 'commit', group: log.group(1), index: 6 },
    ],
    ['3:8', '4:8', '5:8', '6:8'],
  ],
  [
    'entries of two leaders, the second cut in between',
    (log) => [
      { kind: 'truncate', group: log.group(1), index: 3 },
      { kind: 'append', group: log.group(1), entries: entries(4, 8, payload, payload) },
      { kind: 'vote', group: log.group(1), term: 9, vote: 2 },
      { kind: 'truncate', group: log.group(1), index: 2 },
      { kind: 'append', group: log.group(1), entries: entries(3, 9, payload, payload) },
      { kind: 'commit', group: log.group(1), index: 4 },
    ],
    ['3:9', '4:9'],
  ],
];

/** Every set of blocks of a batch, as numbers whose bits say which are lost. */
function everyLoss({ position, endPosition }: FoundBatch): number[] {
  return Array.from({ length: 2 ** ((endPosition - position) / blockBytes) - 1 }, (_, at) => at + 1);
}

function lose(disk: VirtualDisk, { position, endPosition }: FoundBatch, loss: number): void {
  const file = disk.files.open(chunkPath, 'write');
  for (let at = position; at < endPosition; at += blockBytes) {
    const bit = 2 ** ((at - position) / blockBytes);
    if ((loss & bit) !== 0) file.pwrite(new Uint8Array(blockBytes), at);
  }
  file.fdatasync();
  file.close();
}

function tell(log: SyncLog): { commit: number; told: string; isAmbiguous: boolean } {
  const { commit, ambiguity } = log.group(1).durable;
  const told = tellGroups(log.recovered?.groups ?? new Map<number, Group>())[1] ?? '';
  return { commit, told: told.slice(told.indexOf('|') + 2), isAmbiguous: ambiguity !== null };
}

describe.each(takeovers)('of a batch with %s', (_name, operations, replaced) => {
  const whole = ['1:7', '2:7', ...replaced].join(' ');

  test('a crash leaves the old log, or what the batch was on its way to; committed is only what is whole', () => {
    for (const loss of everyLoss(makeLog(operations).batch)) {
      const { disk, batch } = makeLog(operations);
      lose(disk, batch, loss);
      const isBegun = lastBatch(disk).position === batch.position;
      const { commit, told, isAmbiguous } = tell(new SyncLog(disk.files, 2));
      const begun = replaced.map((__, count) => ['1:7', '2:7', ...replaced.slice(0, count)].join(' '));
      const between = ['1:7 2:7 3:7', '1:7 2:7 3:7 4:8', '1:7 2:7 3:7 4:8 5:8'];
      expect([loss, [old, ...begun, ...between, whole]]).toEqual([loss, expect.arrayContaining([told])]);
      expect([loss, commit === 2 || told === whole]).toEqual([loss, true]);
      expect([loss, isAmbiguous]).toEqual([loss, isBegun && told !== whole]);
    }
  });

  test('rot leaves nothing of the old log, also where another life wrote on: what is lost is faulty', () => {
    for (const loss of everyLoss(makeLog(operations).batch)) {
      const { disk, batch } = makeLog(operations);
      const log = new SyncLog(disk.files, 2);
      log.do({ kind: 'userData', group: log.group(1), data: Buffer.from('later') });
      lose(disk, batch, loss);
      const [first, second, ...others] = tell(new SyncLog(disk.files, 3)).told.split(' ');
      expect([loss, first, second]).toEqual([loss, '1:7', '2:7']);
      expect(others).toHaveLength(replaced.length);
      const isKept = others.every((slot, at) => slot === replaced[at] || slot === `${at + 3}:?`);
      expect([loss, others, isKept]).toEqual([loss, others, true]);
    }
  });
});
