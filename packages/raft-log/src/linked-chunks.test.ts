// What sealed chunks hold of a group when a log is opened again: what counts, what does not any more, and which chunks may go.
import { expect, test } from '@jest/globals';
import type { VirtualDisk } from '@holdfast/base/internal';
import { Group } from './group.ts';
import { directory, entries, newDisk, readAllOf, smallLimits, SyncLog } from './testing.ts';

function makeLog(disk: VirtualDisk): SyncLog {
  const log = new SyncLog(disk.files, 'made');
  for (const id of [1, 2]) {
    log.do({ kind: 'create', group: new Group(id) });
    log.do({ kind: 'vote', group: log.group(id), term: 1, vote: null });
  }
  return log;
}

function append(log: SyncLog, group: number, ...payloads: string[]): void {
  const { lastIndex, term } = log.group(group).staged;
  log.do({ kind: 'append', group: log.group(group), entries: entries(lastIndex + 1, term, ...payloads) });
}

function lastSequence(log: SyncLog): number {
  return log.core.chunks.at(-1)?.header.sequence ?? 0;
}

/** Fills the active chunk and the next ones with entries of group 2, until a chunk of this number is active. */
function fillUpTo(log: SyncLog, sequence: number): void {
  while (lastSequence(log) < sequence) append(log, 2, 'x'.repeat(2500));
}

function commitAndPurge(log: SyncLog, group: number): void {
  const index = log.group(group).staged.lastIndex;
  log.do({ kind: 'commit', group: log.group(group), index });
  log.do({ kind: 'purge', group: log.group(group), index });
}

/** Turns bits in all that a chunk holds behind its header, up to `endPosition`. */
function spoil(disk: VirtualDisk, sequence: number, endPosition: number): void {
  const path = `${directory}/000000000000000${sequence}.chunk`;
  for (let position = 1024; position < endPosition; position += 16) disk.rot(path, position, 0);
}

/** Entries of group 1 as a log that is opened now has them. */
function reopen(disk: VirtualDisk): { log: SyncLog; told: () => string[] } {
  const log = new SyncLog(disk.files, `opened after ${disk.calls}`);
  const told = (): string[] => {
    const { terms } = log.group(1).index;
    const texts = readAllOf(disk.files, new Map([[1, log.group(1)]]));
    return texts.map((text) => `${text} of term ${terms.at(Number(/\/(\d+)=/.exec(text)?.[1]))}`);
  };
  return { log, told };
}

test('what was cut in an older chunk is gone, and other entries stand there', () => {
  const disk = newDisk();
  const made = makeLog(disk);
  append(made, 1, 'one', 'two', 'three', 'four');
  fillUpTo(made, 2);
  made.do({ kind: 'truncate', group: made.group(1), index: 2 });
  fillUpTo(made, 3);
  const { log, told } = reopen(disk);
  expect(told()).toEqual(['1/1=one of term 1', '1/2=two of term 1']);
  log.do({ kind: 'vote', group: log.group(1), term: 2, vote: null });
  append(log, 1, 'other');
  expect(told()).toEqual(['1/1=one of term 1', '1/2=two of term 1', '1/3=other of term 2']);
});

test('of an index that two chunks hold the later place counts, and its term', () => {
  const disk = newDisk();
  const made = makeLog(disk);
  const vote = (term: number): void => made.do({ kind: 'vote', group: made.group(1), term, vote: null });
  append(made, 1, 'one', 'two');
  vote(2);
  append(made, 1, 'three', 'four');
  fillUpTo(made, 2);
  made.do({ kind: 'truncate', group: made.group(1), index: 1 });
  vote(3);
  append(made, 1, 'zwei', 'drei');
  fillUpTo(made, 3);
  const expected = ['1/1=one of term 1', '1/2=zwei of term 3', '1/3=drei of term 3'];
  expect(reopen(disk).told()).toEqual(expected);
});

const repair = (log: SyncLog, index: number, text: string): void => {
  log.group(1).faulty.add(index, index);
  log.do({ kind: 'repair', group: log.group(1), entry: { index, term: 1, payload: Buffer.from(text) } });
};

/** What is done to entries in chunk 1, there and in the next one. */
test.each<[string, (log: SyncLog) => void, (log: SyncLog) => void]>([
  ['whose entries were purged', (log) => commitAndPurge(log, 1), () => undefined],
  ['whose entries were purged later', () => undefined, (log) => commitAndPurge(log, 1)],
  ['whose repaired entries were purged', (log) => repair(log, 1, 'one'), (log) => commitAndPurge(log, 1)],
  [
    'whose repaired entries were cut',
    (log) => repair(log, 2, 'two'),
    (log) => log.do({ kind: 'truncate', group: log.group(1), index: 0 }),
  ],
  [
    'whose group was destroyed',
    (log) => log.do({ kind: 'destroy', group: log.group(1) }),
    (log) => log.do({ kind: 'create', group: new Group(1) }),
  ],
])('a chunk %s goes, wherever an open falls', (_what, here, later) => {
  for (const openAt of [0, 1, 2, 3]) {
    const disk = newDisk();
    let log = makeLog(disk);
    const steps: readonly (() => void)[] = [
      () => {
        append(log, 1, 'one', 'two');
        here(log);
      },
      () => fillUpTo(log, 2),
      () => later(log),
      () => {
        fillUpTo(log, 3);
        commitAndPurge(log, 2);
      },
    ];
    for (const [at, step] of steps.entries()) {
      step();
      if (at === openAt) ({ log } = reopen(disk));
    }
    log.settle();
    expect(log.core.chunks.map(({ header }) => header.sequence)).toEqual([3]);
  }
});

test('an entry that was repaired counts at every later open, though nothing is left of those around it', () => {
  const disk = newDisk();
  const made = makeLog(disk);
  append(made, 1, 'one', 'two', 'three');
  fillUpTo(made, 2);
  spoil(disk, 1, smallLimits.chunkBytes ?? 0);
  const { log } = reopen(disk);
  const group = log.group(1);
  log.do({ kind: 'repair', group, entry: { index: 2, term: 1, payload: Buffer.from('two again') } });
  append(log, 1, 'four');
  fillUpTo(log, 3);
  const told = ['1/1=faulty of term 0', '1/2=two again of term 1', '1/3=faulty of term 0', '1/4=four of term 1'];
  expect(reopen(disk).told()).toEqual(told);
});

test('the log goes on in another chunk where all that the newest one held was cut, and leaves no room', () => {
  const disk = newDisk();
  const made = makeLog(disk);
  fillUpTo(made, 2);
  for (let count = 0; count < 3; count++) append(made, 2, 'x'.repeat(2500));
  expect(lastSequence(made)).toBe(2);
  // A record far behind is all that is left.
  spoil(disk, 2, made.group(2).index.locate(made.group(2).durable.lastIndex)?.position ?? 0);
  const { log, told } = reopen(disk);
  append(log, 1, 'one', 'x'.repeat(3800));
  expect(lastSequence(log)).toBe(3);
  expect(told()[0]).toBe('1/1=one of term 1');
});
