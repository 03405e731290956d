// The table of mutations: each takes one safety check out of raft-log, by the exact text that holds it. A text that is not
// found exactly once fails the suite, so a row whose check has moved cannot go on passing for something.
import { formatMutations } from './format-mutations.ts';
import { recoveryMutations } from './recovery-mutations.ts';
import { writerMutations } from './writer-mutations.ts';

/** `text` of `file`, found once, becomes `replacement`; `check` says what is gone then. */
export interface Mutation {
  readonly check: string;
  readonly file: string;
  readonly text: string;
  readonly replacement: string;
}

type Row = readonly [check: string, text: string, replacement: string];
/** By source file. */
export type MutationRows = Readonly<Record<string, readonly Row[]>>;

export const mutations: readonly Mutation[] = Object.entries({
  ...formatMutations,
  ...recoveryMutations,
  ...writerMutations,
}).flatMap(([file, rows]) => rows.map(([check, text, replacement]) => ({ check, file, text, replacement })));
