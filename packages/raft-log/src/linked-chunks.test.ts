// What sealed chunks hold of a group when a log is opened again: what counts, what does not any more, and which chunks may go.
import { expect, test } from '@jest/globals';
import type { VirtualDisk } from '@holdfast/base/internal';
import { Group } from './group.ts';
import { entries, newDisk, readAllOf, SyncLog } from './testing.ts';

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
