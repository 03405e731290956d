// What a process that will be killed does to its log, step by step: as calls to the log, and as a naive model of what they leave.
import { RealTimers } from '@holdfast/base';
import type { KillPoint } from './killing-files-testing.ts';
import type { RaftLog } from './raft-log.ts';
import { entries, readAll } from './testing.ts';

export interface KillOrder {
  readonly directory: string;
  readonly work: keyof typeof works;
  readonly point: KillPoint | null;
  /** A line for each acknowledged step, after one for the open. */
  readonly acknowledgedPath: string;
  /** Written when nothing killed the process: the names of its calls. */
  readonly callsPath: string;
}

export interface ToldGroup {
  readonly vote: string;
  readonly commit: number;
  readonly purged: string;
  readonly userData: string;
  /** "index:term:payload" */
  readonly entries: readonly string[];
}
export type Told = Readonly<Record<number, ToldGroup>>;

export const emptyGroup: ToldGroup = { vote: '0:-', commit: 0, purged: '0:0', userData: '', entries: [] };

type Change =
  | { readonly kind: 'vote'; readonly group: number; readonly term: number; readonly vote: number | null }
  /** Behind the last entry. */
  | { readonly kind: 'append'; readonly group: number; readonly term: number; readonly payloads: readonly string[] }
  | { readonly kind: 'commit' | 'truncate' | 'purge'; readonly group: number; readonly index: number }
  | { readonly kind: 'snapshot'; readonly group: number; readonly index: number; readonly term: number }
  | { readonly kind: 'userData'; readonly group: number; readonly text: string };
type Operation = Change | { readonly kind: 'create' | 'destroy' | 'settle'; readonly group: number };

/** Calls of one turn; or a rest, until the log has done its chores: a spare, a reserve, chunks retired. */
type Step = readonly Operation[] | 'rest';

const big = 'x'.repeat(900);
const append = (group: number, term: number, ...payloads: string[]): Operation => ({
  kind: 'append',
  ...{ group, term, payloads },
});
/** Half a chunk of 16 KiB. */
const half = (term: number): Step[] => Array.from({ length: 4 }, () => [append(1, term, big, big)]);

export const works = {
  /** Through four chunks. */
  life: [
    [
      { kind: 'create', group: 1 },
      { kind: 'create', group: 2 },
    ],
    [{ kind: 'vote', group: 1, term: 1, vote: 7 }],
    [
      { kind: 'vote', group: 2, term: 3, vote: null },
      { kind: 'userData', group: 2, text: 'mine' },
    ],
    [append(1, 1, 'a', 'b')],
    [append(2, 3, 'first'), append(1, 1, 'c')],
    'rest',
    ...half(1),
    ...half(1),
    [{ kind: 'vote', group: 1, term: 2, vote: 8 }],
    [{ kind: 'truncate', group: 1, index: 18 }],
    [append(1, 2, 'instead')],
    [
      { kind: 'commit', group: 1, index: 19 },
      { kind: 'commit', group: 2, index: 1 },
    ],
    [{ kind: 'purge', group: 1, index: 16 }],
    [{ kind: 'snapshot', group: 2, index: 9, term: 3 }],
    [{ kind: 'create', group: 3 }],
    [{ kind: 'destroy', group: 3 }],
    'rest',
    ...half(2),
    ...half(2),
    [{ kind: 'commit', group: 1, index: 35 }],
    [{ kind: 'purge', group: 1, index: 34 }],
    'rest',
    ...half(2),
    [append(1, 2, 'last')],
  ],
  /** What a replica does whose log was found with a torn end. */
  'after a tear': [
    [
      { kind: 'settle', group: 1 },
      { kind: 'settle', group: 2 },
    ],
    [{ kind: 'vote', group: 1, term: 5, vote: 1 }],
    [append(1, 5, 'behind the tear', big)],
  ],
} as const satisfies Record<string, readonly Step[]>;

const timers = new RealTimers();

export async function perform(log: RaftLog, step: Step): Promise<void> {
  if (step !== 'rest') {
    await Promise.all(step.map(async (operation) => performOne(log, operation)));
    return;
  }
  while (!log.stat().hasSpare || !log.stat().hasReserve) await new Promise<void>((done) => void timers.after(1, done));
}

async function performOne(log: RaftLog, operation: Operation): Promise<void> {
  const { kind, group } = operation;
  switch (kind) {
    case 'create':
      return log.createGroup(group);
    case 'destroy':
      return log.destroyGroup(group);
    case 'settle':
      return log.settle(group);
    case 'vote':
      return log.saveVote(group, operation);
    case 'append':
      return log.append(group, entries((log.state(group)?.lastIndex ?? 0) + 1, operation.term, ...operation.payloads));
    case 'snapshot':
      return log.installSnapshot(group, operation);
    case 'userData':
      return log.saveUserData(group, Buffer.from(operation.text));
    case 'commit':
    case 'truncate':
    case 'purge':
      return log[kind](group, operation.index);
  }
}

/** What the step makes of what was there. */
export function after(told: Told, step: Step): Told {
  return step === 'rest' ? told : step.reduce(afterOne, told);
}

function afterOne(told: Told, operation: Operation): Told {
  const { [operation.group]: group = emptyGroup, ...others } = told;
  switch (operation.kind) {
    case 'destroy':
      return others;
    case 'create':
    case 'settle':
      return { ...told, [operation.group]: group };
    default:
      return { ...told, [operation.group]: groupAfter(group, operation) };
  }
}

function indexOf(entry: string): number {
  return Number(entry.split(':')[0]);
}

function groupAfter(group: ToldGroup, operation: Change): ToldGroup {
  switch (operation.kind) {
    case 'vote':
      return { ...group, vote: `${operation.term}:${operation.vote ?? '-'}` };
    case 'append': {
      const last = indexOf(group.entries.at(-1) ?? group.purged);
      const added = operation.payloads.map((text, at) => `${last + 1 + at}:${operation.term}:${text}`);
      return { ...group, entries: [...group.entries, ...added] };
    }
    case 'commit':
      return { ...group, commit: operation.index };
    case 'truncate':
      return { ...group, entries: group.entries.filter((entry) => indexOf(entry) <= operation.index) };
    case 'purge': {
      const [index, term] = group.entries.find((entry) => indexOf(entry) === operation.index)?.split(':') ?? [];
      const entries = group.entries.filter((entry) => indexOf(entry) > operation.index);
      return { ...group, entries, purged: `${index ?? '?'}:${term ?? '?'}` };
    }
    case 'snapshot':
      return { ...group, entries: [], commit: operation.index, purged: `${operation.index}:${operation.term}` };
    case 'userData':
      return { ...group, userData: operation.text };
  }
}

/** The log in the words of the model. */
export function tellLog(log: RaftLog): Told {
  return Object.fromEntries(log.groups().map((group) => [group, tellGroup(log, group)]));
}

function tellGroup(log: RaftLog, group: number): ToldGroup {
  const state = log.state(group);
  if (state === null) return emptyGroup;
  return {
    vote: `${state.term}:${state.vote ?? '-'}`,
    commit: state.commit,
    purged: `${state.purgedIndex}:${state.purgedTerm}`,
    userData: Buffer.from(state.userData).toString('latin1'),
    entries: readAll(log, group),
  };
}
