import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { newDisk, openDisk, readAll } from './testing.ts';
import type { NewEntry } from './operation.ts';
import type { RaftLog } from './raft-log.ts';

/** The log as a child would write it: everything in arrays. */
interface ModelGroup {
  term: number;
  vote: number | null;
  commit: number;
  purgedIndex: number;
  purgedTerm: number;
  entries: NewEntry[];
  userData: string;
}

class Model {
  readonly groups = new Map<number, ModelGroup>();

  tell(group: number): unknown {
    const held = this.groups.get(group);
    if (held === undefined) return null;
    const { term, vote, commit, purgedIndex, purgedTerm, entries, userData } = held;
    const told = entries.map(
      (entry) => `${entry.index}:${entry.term}:${Buffer.from(entry.payload).toString('latin1')}`,
    );
    return { term, vote, commit, purgedIndex, purgedTerm, userData, lastIndex: purgedIndex + entries.length, told };
  }
}

function tell(log: RaftLog, group: number): unknown {
  const state = log.state(group);
  if (state === null) return null;
  const { term, vote, commit, purgedIndex, purgedTerm, lastIndex } = state;
  const userData = Buffer.from(state.userData).toString('latin1');
  return { term, vote, commit, purgedIndex, purgedTerm, userData, lastIndex, told: readAll(log, group) };
}

type Step =
  | { kind: 'create' | 'destroy'; group: number }
  | { kind: 'append'; group: number; sizes: number[]; fill: number; newTerm: boolean }
  | { kind: 'vote'; group: number; vote: number | null }
  | { kind: 'commit' | 'truncate' | 'purge' | 'snapshot'; group: number; share: number }
  | { kind: 'userData'; group: number; text: string }
  | { kind: 'flush' }
  | { kind: 'reopen' }
  | { kind: 'kill' };

const group = fc.integer({ min: 1, max: 4 });
const share = fc.double({ min: 0, max: 1, noNaN: true });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('create', 'destroy'), group }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('append'),
      group,
      sizes: fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 3 }),
      fill: fc.integer({ min: 0, max: 255 }),
      newTerm: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('vote'), group, vote: fc.option(fc.nat(9)) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('commit', 'commit', 'truncate', 'purge', 'purge', 'snapshot'),
      group,
      share,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('userData'), group, text: fc.string({ maxLength: 20 }) }) },
  { weight: 2, arbitrary: fc.constantFrom<Step>({ kind: 'flush' }, { kind: 'reopen' }, { kind: 'kill' }) },
);

function between(from: number, to: number, part: number): number {
  return from + Math.floor(Math.max(0, to - from) * part);
}

/** Does to the model what the log is asked to do, and returns the asking. */
function apply(model: Model, log: RaftLog, step: Step): Promise<void>[] {
  if (step.kind === 'flush' || step.kind === 'reopen' || step.kind === 'kill') return [log.flush()];
  const held = model.groups.get(step.group);
  if (held === undefined) {
    model.groups.set(step.group, {
      ...{ term: 0, vote: null, commit: 0, purgedIndex: 0, purgedTerm: 0, entries: [], userData: '' },
    });
    return [log.createGroup(step.group)];
  }
  if (step.kind === 'create') return [];
  if (step.kind === 'append') return applyAppend(held, log, step);
  return [applyChange(model, held, { log, step })];
}

function applyAppend(held: ModelGroup, log: RaftLog, step: Step & { kind: 'append' }): Promise<void>[] {
  const asked: Promise<void>[] = [];
  if (step.newTerm) {
    held.term++;
    held.vote = null;
    asked.push(log.saveVote(step.group, { term: held.term, vote: null }));
  }
  const first = held.purgedIndex + held.entries.length + 1;
  const added = step.sizes.map((size, at) => ({
    index: first + at,
    term: held.term,
    payload: Buffer.alloc(size, step.fill + at),
  }));
  held.entries.push(...added);
  return [...asked, log.append(step.group, added)];
}

type Change = Exclude<Step, { kind: 'append' | 'flush' | 'reopen' | 'kill' }>;

function applyChange(model: Model, held: ModelGroup, { log, step }: { log: RaftLog; step: Change }): Promise<void> {
  const lastIndex = held.purgedIndex + held.entries.length;
  switch (step.kind) {
    case 'create':
      return log.flush();
    case 'destroy':
      model.groups.delete(step.group);
      return log.destroyGroup(step.group);
    case 'vote':
      held.term++;
      held.vote = step.vote;
      return log.saveVote(step.group, { term: held.term, vote: step.vote });
    case 'commit':
      held.commit = between(held.commit, lastIndex, step.share);
      return log.commit(step.group, held.commit);
    case 'truncate': {
      const index = between(Math.max(held.commit, held.purgedIndex), lastIndex, step.share);
      held.entries.length = index - held.purgedIndex;
      return log.truncate(step.group, index);
    }
    case 'purge': {
      const index = between(held.purgedIndex, held.commit, step.share);
      held.purgedTerm = held.entries[index - held.purgedIndex - 1]?.term ?? held.purgedTerm;
      held.entries.splice(0, index - held.purgedIndex);
      held.purgedIndex = index;
      return log.purge(step.group, index);
    }
    case 'snapshot': {
      const index = lastIndex + Math.floor(step.share * 5);
      Object.assign(held, { purgedIndex: index, purgedTerm: held.term, entries: [], commit: index });
      return log.installSnapshot(step.group, { index, term: held.term });
    }
    case 'userData':
      held.userData = step.text.replaceAll(/[^\x20-\x7e]/g, '');
      return log.saveUserData(step.group, Buffer.from(held.userData, 'latin1'));
  }
}

test('whatever is asked of the log in whatever order, it holds what a naive model holds, also after it is opened again', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const disk = newDisk();
      const model = new Model();
      let log = await openDisk(disk);
      let asked: Promise<void>[] = [];
      for (const next of [...steps, { kind: 'reopen' } as const]) {
        asked.push(...apply(model, log, next));
        if (next.kind !== 'reopen' && next.kind !== 'kill') continue;
        await Promise.all(asked);
        asked = [];
        if (next.kind === 'reopen') await log.close();
        else disk.halt();
        disk.restart(next.kind === 'reopen' ? 'power' : 'process');
        log = await openDisk(disk);
        expect(log.report.damages).toEqual([]);
        if (next.kind === 'reopen') expect(log.report.isClean).toBe(true);
        for (const id of [1, 2, 3, 4]) expect(tell(log, id)).toEqual(model.tell(id));
      }
    }),
    { numRuns: 80 },
  );
});
