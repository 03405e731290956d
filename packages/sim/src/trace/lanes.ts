// What each machine stands in, over the span of a trace: the coloured lines of the diagram. It is read off the words of `state`
// notes, which machines make, and of `step` notes, which their programs do.
import type { TraceNote } from '../world/scenario.ts';
import type { Span } from './trace-book.ts';

export type Standing = 'down' | 'starting' | 'serving' | 'follower' | 'candidate' | 'leader' | 'paused';

export interface Stretch extends Span {
  readonly standing: Standing;
}

export interface Lane {
  readonly node: string;
  readonly stretches: readonly Stretch[];
}

const beginnings: readonly (readonly [beginning: RegExp, standing: Standing | 'resumed'])[] = [
  [/^starts/, 'starting'],
  [/^serves/, 'serving'],
  [/^is follower /, 'follower'],
  [/^is (pre-)?candidate /, 'candidate'],
  [/^is leader /, 'leader'],
  [/^is (stopped|suspended)/, 'paused'],
  [/^goes on/, 'resumed'],
  [/^(is killed|loses its power|dies|ends|fails|is taken out)/, 'down'],
];

/** What a machine stands in after its note; null if that says nothing of it. */
export function standingAfter({ kind, text }: TraceNote): Standing | 'resumed' | null {
  if (kind !== 'state' && kind !== 'step') return null;
  return beginnings.find(([beginning]) => beginning.test(text))?.[1] ?? null;
}

export function lanesOf(notes: readonly TraceNote[], span: Span): readonly Lane[] {
  const names = new Set<string>();
  // A fault's target may be a role, which has no line of its own.
  for (const { node, kind, message } of notes) {
    for (const name of message === undefined ? [node] : [message.from, message.to]) {
      if (name !== '' && (message !== undefined || kind === 'state')) names.add(name);
    }
  }
  return [...names]
    .toSorted((left, right) => left.localeCompare(right, 'en', { numeric: true }))
    .map((node) => ({ node, stretches: stretchesOf(notes, node, span) }));
}

function stretchesOf(notes: readonly TraceNote[], node: string, span: Span): Stretch[] {
  const stretches: Stretch[] = [];
  let standing: Standing = 'down';
  let beforePause: Standing = 'down';
  let sinceMs = span.fromMs;
  const turn = (next: Standing, atMs: number): void => {
    if (next === standing) return;
    if (atMs > sinceMs) stretches.push({ standing, fromMs: sinceMs, toMs: atMs });
    sinceMs = Math.max(sinceMs, atMs);
    standing = next;
  };
  for (const note of notes) {
    if (note.node !== node) continue;
    const after = standingAfter(note);
    if (after === null) continue;
    if (after === 'paused') beforePause = standing;
    turn(after === 'resumed' ? beforePause : after, note.atMs);
  }
  if (span.toMs > sinceMs) stretches.push({ standing, fromMs: sinceMs, toMs: span.toMs });
  return stretches;
}
