// A trace as a space-time diagram: time runs downwards, a line per machine in the colour of what it stands in, an arrow from where a
// message is sent to where it arrives, a cross where it is lost. SVG, complete in itself; every mark has its words as a title.
import type { TraceNote } from '../world/scenario.ts';
import { lanesOf, type Lane, type Standing } from './lanes.ts';
import { timeText } from './story.ts';
import type { Span } from './trace-book.ts';

export interface DiagramOptions {
  readonly title: string;
  readonly span: Span;
}

/** Kinds of marks, each a class of its elements that can be hidden. */
export const markKinds = [
  'vote',
  'append',
  'snapshot',
  'read',
  'heartbeat',
  'other',
  'lost',
  'fault',
  'client',
  'state',
] as const;
export type MarkKind = (typeof markKinds)[number];

const laneGap = 170;
const left = 250;
const top = 70;
/** A short span is drawn larger, a long one still so that arrows stand apart. */
const heightPixels = 4000;
const scale = { least: 220, most: 4000 };
/** Notes beside one another closer than this would cover each other. */
const lineHeight = 11;
/** A longer text is cut; its title has all of it. */
const textCharsMax = 46;

const standingColours: Readonly<Record<Standing, string>> = {
  down: '#d9d9d9',
  starting: '#c9b458',
  serving: '#9aa5b1',
  follower: '#5b84b1',
  candidate: '#e08a1e',
  leader: '#2e8b57',
  paused: '#8e6bb0',
};

const style = `
text{font:10px ui-monospace,monospace;fill:#333}
.title{font-size:14px;font-weight:bold}.name{font-size:12px;font-weight:bold;text-anchor:middle}
.tick{stroke:#eee}.tick-text{fill:#999;text-anchor:end}
line.message{stroke:#777;stroke-width:1;marker-end:url(#head)}
line.vote{stroke:#a0208f}line.append{stroke:#2a62a8}line.snapshot{stroke:#8a5a2b}line.read{stroke:#2e8b57}
line.heartbeat{stroke:#ddd}line.client{stroke:#bbb}line.lost{stroke:#c22;stroke-dasharray:3 2;marker-end:none}
path.lost{stroke:#c22;stroke-width:1.5}
text.fault{fill:#c22;text-anchor:end}text.client{fill:#777}text.state{fill:#222;font-weight:bold}
text.finding{fill:#c22;font-weight:bold;font-size:12px}line.finding{stroke:#c22;stroke-width:2}
`.trim();

export function drawDiagram(notes: readonly TraceNote[], { title, span }: DiagramOptions): string {
  const lanes = lanesOf(notes, span);
  const width = left + lanes.length * laneGap + 260;
  const height = top + ((span.toMs - span.fromMs) / 1000) * scaleOf(span) + 40;
  const drawing = new Drawing(lanes, span);
  for (const note of notes) drawing.add(note);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${round(height)}" viewBox="0 0 ${width} ${round(height)}">`,
    `<style>${style}</style>`,
    '<defs><marker id="head" markerWidth="7" markerHeight="7" refX="6" refY="3" orient="auto"><path d="M0,0 L6,3 L0,6 z" fill="context-stroke"/></marker></defs>',
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text class="title" x="20" y="24">${escaped(title)}</text>`,
    ...drawing.finish(),
    '</svg>',
    '',
  ].join('\n');
}

class Drawing {
  readonly #lanes: readonly Lane[];
  readonly #span: Span;
  readonly #places = new Map<string, number>();
  readonly #arrows: string[] = [];
  readonly #texts: string[] = [];
  readonly #sent = new Map<number, { readonly atMs: number; readonly note: TraceNote }>();
  /** Where the last text of a column stands, so that the next one goes below it. */
  readonly #columns = new Map<string, number>();

  constructor(lanes: readonly Lane[], span: Span) {
    this.#lanes = lanes;
    this.#span = span;
    for (const [index, { node }] of lanes.entries()) this.#places.set(node, left + index * laneGap + laneGap / 2);
  }

  add(note: TraceNote): void {
    const { kind, message, atMs } = note;
    if (atMs < this.#span.fromMs) return;
    if (message === undefined) this.#addText(note);
    else if (kind === 'sent') this.#sent.set(message.id, { atMs, note });
    else if (kind === 'delivered') this.#addArrow(note, message);
    else this.#addLoss(note, message);
  }

  finish(): string[] {
    // Sent, and not there when the span ends.
    for (const { note } of this.#sent.values()) this.#addUnderWay(note);
    return [...this.#ticks(), ...this.#lanes.flatMap((lane) => this.#drawLane(lane)), ...this.#arrows, ...this.#texts];
  }

  #y(atMs: number): number {
    return round(top + ((atMs - this.#span.fromMs) / 1000) * scaleOf(this.#span));
  }

  #x(node: string): number {
    return this.#places.get(node) ?? left;
  }

  *#ticks(): Generator<string> {
    const { fromMs, toMs } = this.#span;
    const right = left + this.#lanes.length * laneGap;
    for (let atMs = Math.ceil(fromMs / 100) * 100; atMs <= toMs; atMs += 100) {
      yield `<line class="tick" x1="${left}" x2="${right}" y1="${this.#y(atMs)}" y2="${this.#y(atMs)}"/>`;
      if (atMs % (scaleOf(this.#span) > 1000 ? 100 : 500) === 0)
        yield `<text class="tick-text" x="${left - 4}" y="${this.#y(atMs) + 3}">${timeText(atMs).trim()}</text>`;
    }
  }

  #drawLane({ node, stretches }: Lane): string[] {
    const x = this.#x(node);
    return [
      `<text class="name" x="${x}" y="${top - 16}">${escaped(node)}</text>`,
      ...stretches.map(({ standing, fromMs, toMs }) => {
        const y = this.#y(fromMs);
        const isBar = standing === 'down' || standing === 'paused';
        const width = isBar ? 12 : 4;
        const size = `x="${x - width / 2}" y="${y}" width="${width}" height="${round(this.#y(toMs) - y)}"`;
        return `<rect class="lane ${standing}" ${size} fill="${standingColours[standing]}"><title>${standing} from ${timeText(fromMs).trim()}</title></rect>`;
      }),
    ];
  }

  #addArrow({ atMs, text }: TraceNote, { id, from, to }: NonNullable<TraceNote['message']>): void {
    const sent = this.#sent.get(id);
    this.#sent.delete(id);
    if (sent === undefined) return;
    this.#line(
      `message ${kindOfMessage(text)}`,
      { x: this.#x(from), y: this.#y(sent.atMs) },
      { x: this.#x(to), y: this.#y(atMs) },
      `${from} → ${to}: ${text}`,
    );
  }

  /** A cross in the middle of its way. */
  #addLoss({ atMs, text }: TraceNote, { id, from, to }: NonNullable<TraceNote['message']>): void {
    const start = this.#sent.get(id)?.atMs ?? atMs;
    this.#sent.delete(id);
    const y = this.#y(start);
    const x = (this.#x(from) + this.#x(to)) / 2;
    this.#line(
      `message lost ${kindOfMessage(text)}`,
      { x: this.#x(from), y },
      { x, y: y + 6 },
      `lost: ${from} → ${to}: ${text}`,
    );
    this.#arrows.push(`<path class="lost ${kindOfMessage(text)}" d="M${x - 3},${y + 3} l6,6 m-6,0 l6,-6"/>`);
  }

  #addUnderWay({ atMs, text, message }: TraceNote): void {
    if (message === undefined) return;
    const { from, to } = message;
    const x = this.#x(from) + Math.sign(this.#x(to) - this.#x(from)) * 24;
    this.#line(
      `message ${kindOfMessage(text)}`,
      { x: this.#x(from), y: this.#y(atMs) },
      { x, y: this.#y(atMs) + 4 },
      `under way: ${from} → ${to}: ${text}`,
    );
  }

  #line(names: string, start: Point, end: Point, title: string): void {
    const places = `x1="${start.x}" y1="${start.y}" x2="${end.x}" y2="${end.y}"`;
    this.#arrows.push(`<line class="${names}" ${places}><title>${escaped(title)}</title></line>`);
  }

  #addText({ atMs, node, kind, text }: TraceNote): void {
    if (kind === 'step') return;
    const isBesideLane = this.#places.has(node) && kind !== 'fault' && kind !== 'mended';
    const column = isBesideLane ? node : '';
    const y = Math.max(this.#y(atMs) + 3, (this.#columns.get(column) ?? -lineHeight) + lineHeight);
    this.#columns.set(column, y);
    const isFinding = kind === 'finding';
    if (isFinding) this.#texts.push(this.#findingLine(atMs));
    const x = isFinding ? 20 : isBesideLane ? this.#x(node) + 9 : left - 70;
    const words = isBesideLane ? text : `${kind === 'mended' ? 'mended: ' : ''}${node} ${text}`.trim();
    const shown = isFinding || words.length <= textCharsMax ? words : `${words.slice(0, textCharsMax - 1)}…`;
    const title = escaped(`${timeText(atMs).trim()} ${node} ${text}`);
    const name = kind === 'mended' ? 'fault' : kind;
    this.#texts.push(
      `<text class="${name}" x="${x}" y="${round(isFinding ? y - 8 : y)}">${escaped(shown)}<title>${title}</title></text>`,
    );
  }

  #findingLine(atMs: number): string {
    const y = this.#y(atMs);
    return `<line class="finding" x1="20" x2="${left + this.#lanes.length * laneGap}" y1="${y}" y2="${y}"/>`;
  }
}

/** Pixels for a second. */
function scaleOf({ fromMs, toMs }: Span): number {
  return Math.min(scale.most, Math.max(scale.least, heightPixels / ((toMs - fromMs) / 1000)));
}

interface Point {
  readonly x: number;
  readonly y: number;
}

export function kindOfMessage(text: string): MarkKind {
  if (text.startsWith('{')) return 'client';
  if (/vote|timeout/.test(text)) return 'vote';
  if (text.includes('snapshot')) return 'snapshot';
  if (/append|propose/.test(text)) return 'append';
  if (text.includes('read')) return 'read';
  return /heartbeat|commit|alive|ping|pong|hello/.test(text) ? 'heartbeat' : 'other';
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(/\p{Cc}/gu, ' ');
}
