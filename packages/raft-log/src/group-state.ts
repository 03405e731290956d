// What the log knows about one group beside its entries. A value: the staged state (with everything that was accepted) and
// the durable one (what an fdatasync stands behind) are two of them.
import { invariant } from '@holdfast/base';
import { copyOf, readCounter, viewOf, writeCounter } from './format.ts';

/** Slots at the end of a group that may have been acknowledged and are lost (docs/format.md, "The ambiguous tail"). */
export interface Ambiguity {
  /** The first slot that may be lost. */
  readonly from: number;
  /** The last one, or null when nobody knows how many there were. */
  readonly to: number | null;
  /** The term of the last one, or null. */
  readonly term: number | null;
}

export interface GroupState {
  readonly term: number;
  /** Who was voted for in `term`. */
  readonly vote: number | null;
  readonly commit: number;
  /** Everything up to here is gone; a snapshot stands for it. */
  readonly purgedIndex: number;
  readonly purgedTerm: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly userData: Uint8Array;
  /** Until the caller settles it, the replica must not vote in the ambiguity's term nor in the next. */
  readonly ambiguity: Ambiguity | null;
  /** A vote may have been given that both places lost. */
  readonly isVoteLost: boolean;
  /** User data were written that are lost; `userData` are the ones before. */
  readonly isUserDataLost: boolean;
}

export const emptyState: GroupState = {
  term: 0,
  vote: null,
  commit: 0,
  purgedIndex: 0,
  purgedTerm: 0,
  lastIndex: 0,
  lastTerm: 0,
  userData: new Uint8Array(),
  ambiguity: null,
  isVoteLost: false,
  isUserDataLost: false,
};

const flags = { hasVote: 1, isAmbiguous: 2, hasTo: 4, hasTerm: 8, isVoteLost: 16, isUserDataLost: 32 } as const;
const at = {
  flags: 0,
  term: 4,
  vote: 10,
  commit: 16,
  purgedIndex: 22,
  purgedTerm: 28,
  lastIndex: 34,
  lastTerm: 40,
  ambiguousFrom: 46,
  ambiguousTo: 52,
  ambiguousTerm: 58,
  userData: 64,
} as const;

export function stateBytes({ userData }: Pick<GroupState, 'userData'>): number {
  return at.userData + userData.length;
}

export function encodeState(state: GroupState, into: Uint8Array): void {
  const view = viewOf(into);
  const { ambiguity } = state;
  view.setUint32(at.flags, flagsOf(state), true);
  const counters: readonly (readonly [number, number])[] = [
    [at.term, state.term],
    [at.vote, state.vote ?? 0],
    [at.commit, state.commit],
    [at.purgedIndex, state.purgedIndex],
    [at.purgedTerm, state.purgedTerm],
    [at.lastIndex, state.lastIndex],
    [at.lastTerm, state.lastTerm],
    [at.ambiguousFrom, ambiguity?.from ?? 0],
    [at.ambiguousTo, ambiguity?.to ?? 0],
    [at.ambiguousTerm, ambiguity?.term ?? 0],
  ];
  for (const [offset, value] of counters) writeCounter(view, offset, value);
  into.set(state.userData, at.userData);
}

function flagsOf(state: GroupState): number {
  const { ambiguity } = state;
  const set: readonly (readonly [number, boolean])[] = [
    [flags.hasVote, state.vote !== null],
    [flags.isAmbiguous, ambiguity !== null],
    [flags.hasTo, ambiguity !== null && ambiguity.to !== null],
    [flags.hasTerm, ambiguity !== null && ambiguity.term !== null],
    [flags.isVoteLost, state.isVoteLost],
    [flags.isUserDataLost, state.isUserDataLost],
  ];
  return set.reduce((all, [flag, isSet]) => (isSet ? all | flag : all), 0);
}

export function decodeState(payload: Uint8Array): GroupState {
  invariant(payload.length >= at.userData, 'a state record that verified is too short');
  const view = viewOf(payload);
  const set = view.getUint32(at.flags, true);
  const counter = (offset: number): number => readCounter(view, offset);
  const has = (flag: number): boolean => (set & flag) !== 0;
  return {
    term: counter(at.term),
    vote: has(flags.hasVote) ? counter(at.vote) : null,
    commit: counter(at.commit),
    purgedIndex: counter(at.purgedIndex),
    purgedTerm: counter(at.purgedTerm),
    lastIndex: counter(at.lastIndex),
    lastTerm: counter(at.lastTerm),
    ambiguity: has(flags.isAmbiguous)
      ? {
          from: counter(at.ambiguousFrom),
          to: has(flags.hasTo) ? counter(at.ambiguousTo) : null,
          term: has(flags.hasTerm) ? counter(at.ambiguousTerm) : null,
        }
      : null,
    isVoteLost: has(flags.isVoteLost),
    isUserDataLost: has(flags.isUserDataLost),
    userData: copyOf(payload, at.userData),
  };
}
