// A trace as a story: one event a line, when, who, what. A message is told where it arrives or is lost, with the time that it
// took; heartbeats and their like, which are most of what happens and seldom matter, only on request.
import type { TraceNote } from '../world/scenario.ts';
import type { Span } from './trace-book.ts';

export interface StoryOptions {
  readonly span: Span;
  /** Also messages of `routine`. */
  readonly isWhole: boolean;
}

const routine = /^(heartbeat|commit\b|is alive|ping|pong|hello)/;

export function isRoutine({ text, message }: TraceNote): boolean {
  return message !== undefined && routine.test(text);
}

export function* tellStory(notes: Iterable<TraceNote>, { span, isWhole }: StoryOptions): Generator<string> {
  const sentMs = new Map<number, number>();
  for (const note of notes) {
    const { atMs, kind, message } = note;
    if (message !== undefined && kind === 'sent') {
      sentMs.set(message.id, atMs);
      continue;
    }
    if (atMs < span.fromMs || (!isWhole && isRoutine(note))) continue;
    const line = lineOf(note, sentMs);
    yield `${timeText(atMs)}  ${kind === 'finding' ? line : shortened(line)}`;
  }
}

/** Padded commands and whole maps are of no use in a line. */
const textCharsMax = 200;

function shortened(text: string): string {
  return text.length <= textCharsMax ? text : `${text.slice(0, textCharsMax)}…`;
}

export function timeText(atMs: number): string {
  return `${(atMs / 1000).toFixed(4).padStart(9)} s`;
}

/** The width of "node-1 → node-2". */
const whoWidth = 11;

function lineOf({ atMs, node, kind, text, message }: TraceNote, sentMs: ReadonlyMap<number, number>): string {
  if (message === undefined)
    return `${(node === '' ? '*' : node).padEnd(whoWidth)}  ${wordOf[kind] ?? `${kind}: `}${text}`;
  const who = `${message.from} → ${message.to}`.padEnd(whoWidth);
  const sent = sentMs.get(message.id);
  if (kind === 'lost') return `${who}  LOST: ${text}`;
  return `${who}  ${text}${sent === undefined ? '' : ` (after ${(atMs - sent).toFixed(1)} ms)`}`;
}

/** What stands before the text of a note; its kind and a colon without a row here. */
const wordOf: Readonly<Record<string, string>> = {
  state: '',
  step: '',
  client: '',
  fault: 'FAULT ',
  mended: 'mended: ',
  finding: 'FINDING ',
};
