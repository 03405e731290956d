// Keeps what happens in a world for the span of true time that somebody wants to look at; of the time before only what the
// machines stand in at its beginning follows from.
import type { Trace, TraceNote } from '../world/scenario.ts';
import { standingAfter } from './lanes.ts';

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** More than a busy minute has: a trace of a longer span ends there. */
const notesMax = 1_000_000;

export class TraceBook implements Trace {
  readonly span: Span;
  readonly notes: TraceNote[] = [];

  constructor(span: Span) {
    this.span = span;
  }

  note(note: TraceNote): void {
    if (note.atMs > this.span.toMs || this.notes.length >= notesMax) return;
    if (note.atMs >= this.span.fromMs || standingAfter(note) !== null) this.notes.push(note);
  }
}
