import { expect, test } from '@jest/globals';
import type { Files } from '@holdfast/base';
import { forEachCrash, VirtualDisk, VirtualFiles } from '@holdfast/base/internal';
import { Group } from './group.ts';
import { entries, readAllOf, SyncLog, tellGroups } from './testing.ts';

type Step = (log: SyncLog) => void;
type Told = Record<number, string>;

const big = 'x'.repeat(900);
const create =
  (id: number): Step =>
  (log) =>
    log.do({ kind: 'create', group: new Group(id) });
const vote =
  (id: number, term: number, to: number | null): Step =>
  (log) =>
    log.do({ kind: 'vote', group: log.group(id), term, vote: to });
const append =
  (id: number, from: number, term: number, ...payloads: string[]): Step =>
  (log) =>
    log.do({ kind: 'append', group: log.group(id), entries: entries(from, term, ...payloads) });
const at =
  (kind: 'commit' | 'truncate' | 'purge', id: number, index: number): Step =>
  (log) =>
    log.do({ kind, group: log.group(id), index });
const settle: Step = (log) => log.settle();
const close: Step = (log) => log.do({ kind: 'close' });

const everyKind: readonly Step[] = [
  create(1),
  vote(1, 1, 7),
  append(1, 1, 1, 'a', 'b'),
  append(1, 3, 1, big),
  vote(1, 2, 8),
  at('truncate', 1, 2),
  append(1, 3, 2, 'c', big, 'd'),
  at('commit', 1, 4),
  at('purge', 1, 2),
  close,
];

/** Chunks of 16 KiB: each append of two fills an eighth of one. */
const throughChunks: readonly Step[] = [
  create(1),
  create(2),
  vote(1, 1, 7),
  vote(2, 3, null),
  append(2, 1, 3, 'first'),
  append(1, 1, 1, big, big),
  append(1, 3, 1, big, big),
  append(1, 5, 1, big, big),
  append(1, 7, 1, big, big),
  append(1, 9, 1, big, big),
  append(1, 11, 1, big, big),
  append(1, 13, 1, big, big),
  append(1, 15, 1, big, big),
  at('commit', 1, 16),
  at('purge', 1, 15),
  at('commit', 2, 1),
  at('purge', 2, 1),
  settle,
  append(1, 17, 1, big, big),
  append(1, 19, 1, big, big),
  append(1, 21, 1, big, big),
  append(1, 23, 1, big, big),
  append(1, 25, 1, big, big),
  append(2, 2, 3, 'second'),
];

/** Counts the steps that were acknowledged before the crash, and knows what each of them leaves. */
function makeWork(steps: readonly Step[]): {
  run: (files: Files) => void;
  told: (Told | undefined)[];
  acknowledged: () => number;
} {
  let acknowledged = 0;
  const told: (Told | undefined)[] = [];
  const run = (files: Files): void => {
    acknowledged = 0;
    const log = new SyncLog(files, 'work');
    told[0] ??= {};
    for (const [number, step] of steps.entries()) {
      step(log);
      acknowledged = number + 1;
      told[acknowledged] ??= tellGroups(log.core.groups);
    }
  };
  run(new VirtualDisk({ seed: 1 }).files);
  return { run, told, acknowledged: () => acknowledged };
}

/** The crash fell into the step after `before`: the log may hold it, hold it not, or hold the first of its entries. */
function isBetween(found: Told, before: Told, after: Told): boolean {
  const ids = new Set([...Object.keys(before), ...Object.keys(after), ...Object.keys(found)].map(Number));
  return [...ids].every((id) => {
    const text = found[id];
    if (text === before[id] || text === after[id]) return true;
    return text !== undefined && (after[id] ?? '').startsWith(`${text} `) && text.startsWith(before[id] ?? '');
  });
}

function check(files: Files, before: Told, after: Told): void {
  const log = new SyncLog(files, 'after the crash');
  const found = tellGroups(log.core.groups);
  if (!isBetween(found, before, after)) {
    throw new Error(`found ${JSON.stringify(found)}\nbefore ${JSON.stringify(before)}\nafter ${JSON.stringify(after)}`);
  }
  for (const { standing, reason } of log.recovered?.report.damages ?? []) {
    if (standing !== 'tail') throw new Error(`a crash is taken for damage: ${standing}, ${reason}`);
  }
  const contents = readAllOf(files, log.core.groups);
  if (contents.some((text) => text.includes('faulty'))) throw new Error(`entries are lost: ${contents.join(' ')}`);

  // What an open showed is durable, and the log goes on from there.
  const again = new SyncLog(new VirtualFilesAfterPowerLoss(files).files, 'opened again');
  expect(tellGroups(again.core.groups)).toEqual(found);
  if (again.core.stagedGroup(9) === null) create(9)(again);
  vote(9, 5, 1)(again);
  append(9, 1, 5, 'on', big)(again);
  const third = new SyncLog(new VirtualFilesAfterPowerLoss(files).files, 'a third time');
  expect(tellGroups(third.core.groups)).toEqual({ ...found, 9: 'term 5 vote 1 commit 0 purged 0:0 | 1:5 2:5' });
  expect(third.recovered?.report.damages.filter(({ standing }) => standing !== 'tail')).toEqual([]);
}

class VirtualFilesAfterPowerLoss {
  readonly files: Files;
  constructor(before: Files) {
    if (!(before instanceof VirtualFiles)) throw new Error('a test of crashes needs a virtual disk');
    this.files = before.disk.restart('power');
  }
}

test.each<[string, readonly Step[], number]>([
  ['operations of every kind', everyKind, 24],
  ['full chunks, sealed, purged and recycled', throughChunks, 2],
])(
  'wherever a crash falls into %s, what was acknowledged is there and nothing is invented',
  (_what, steps, survivorsLimit) => {
    const work = makeWork(steps);
    const states = forEachCrash({
      seed: 1,
      survivorsLimit,
      work: work.run,
      check: (files) => {
        const done = work.acknowledged();
        const before = work.told[done] ?? {};
        check(files, before, work.told[done + 1] ?? before);
      },
    });
    expect(states).toBeGreaterThan(300);
  },
);
