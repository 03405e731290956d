// One group of the open log: its durable state, what was accepted on top of it, where its entries lie, and which are faulty.
import { emptyState, type GroupState } from './group-state.ts';
import { GroupIndex } from './group-index.ts';
import { Slots } from './slots.ts';
import { TermRuns } from './term-runs.ts';
import type { Chunk } from './chunk.ts';

export class Group {
  readonly id: number;
  readonly index = new GroupIndex();
  readonly faulty = new Slots();
  /** What an fdatasync stands behind: the only thing that readers see. */
  durable: GroupState;
  /** With everything that was accepted since. */
  staged: GroupState;
  stagedTerms = new TermRuns();

  constructor(id: number, state: GroupState = emptyState) {
    this.id = id;
    this.durable = state;
    this.staged = state;
  }

  /** What is durable is all there is: the state after open. */
  restage(): void {
    this.staged = this.durable;
    this.stagedTerms = this.index.terms.copy();
  }

  appendEntry(chunk: Chunk, entry: { readonly index: number; readonly term: number; readonly position: number }): void {
    this.index.append(chunk, entry.index, entry.position);
    this.index.terms.append(entry.index, entry.term);
  }

  truncateAfter(index: number): void {
    this.index.truncateAfter(index);
    this.index.terms.truncateAfter(index);
    this.faulty.remove(index + 1, Infinity);
  }

  purgeTo(index: number): void {
    this.index.purgeTo(index);
    this.faulty.remove(0, index);
  }

  /** Nothing is left: a snapshot replaced the log, or the group was destroyed. */
  clear(): void {
    this.index.clear();
    this.faulty.remove(0, Infinity);
  }
}
