import { expect, test } from '@jest/globals';
import type { TraceNote } from '../world/scenario.ts';
import { drawDiagram, kindOfMessage, markKinds } from './diagram.ts';
import { lanesOf } from './lanes.ts';
import { renderPage } from './page.ts';
import { tellStory } from './story.ts';
import { TraceBook } from './trace-book.ts';

const message = (id: number, from: string, to: string): Pick<TraceNote, 'message'> => ({ message: { id, from, to } });
const span = { fromMs: 1000, toMs: 3000 };
const notes: readonly TraceNote[] = [
  { atMs: 100, node: 'n2', kind: 'state', text: 'starts, for the 1. time' },
  { atMs: 200, node: 'n2', kind: 'state', text: 'serves' },
  { atMs: 900, node: 'n2', kind: 'step', text: 'is leader in term 3, 2 leads' },
  { atMs: 950, node: 'n10', kind: 'state', text: 'serves' },
  { atMs: 1200, node: '', kind: 'fault', text: 'n2 is <cut> off' },
  { atMs: 1300, node: 'n2', kind: 'sent', text: 'append 5', ...message(1, 'n2', 'n10') },
  { atMs: 1310, node: 'n2', kind: 'sent', text: 'heartbeat', ...message(2, 'n2', 'n10') },
  { atMs: 1340, node: 'n10', kind: 'delivered', text: 'heartbeat', ...message(2, 'n2', 'n10') },
  { atMs: 1350, node: 'n10', kind: 'delivered', text: 'append 5', ...message(1, 'n2', 'n10') },
  { atMs: 1400, node: 'n10', kind: 'sent', text: 'vote-request', ...message(3, 'n10', 'n2') },
  { atMs: 1410, node: 'n10', kind: 'lost', text: 'vote-request', ...message(3, 'n10', 'n2') },
  { atMs: 1500, node: 'n2', kind: 'state', text: 'is stopped' },
  { atMs: 2000, node: 'n2', kind: 'state', text: 'goes on' },
  { atMs: 2500, node: 'n2', kind: 'state', text: 'is killed' },
  { atMs: 2900, node: '', kind: 'finding', text: 'linearizable: a read & a lie' },
];

test('a story tells messages where they arrive, losses, and no routine unless it is asked for', () => {
  const story = [...tellStory(notes, { span, isWhole: false })];
  expect(story).toEqual([
    '   1.2000 s  *            FAULT n2 is <cut> off',
    '   1.3500 s  n2 → n10     append 5 (after 50.0 ms)',
    '   1.4100 s  n10 → n2     LOST: vote-request',
    '   1.5000 s  n2           is stopped',
    '   2.0000 s  n2           goes on',
    '   2.5000 s  n2           is killed',
    '   2.9000 s  *            FINDING linearizable: a read & a lie',
  ]);
  expect([...tellStory(notes, { span, isWhole: true })].join('\n')).toContain('heartbeat (after 30.0 ms)');
});

test('lanes stand in what their notes say, from before the span on, and go on as they were after a pause', () => {
  expect(lanesOf(notes, span)).toEqual([
    {
      node: 'n2',
      stretches: [
        { standing: 'leader', fromMs: 1000, toMs: 1500 },
        { standing: 'paused', fromMs: 1500, toMs: 2000 },
        { standing: 'leader', fromMs: 2000, toMs: 2500 },
        { standing: 'down', fromMs: 2500, toMs: 3000 },
      ],
    },
    { node: 'n10', stretches: [{ standing: 'serving', fromMs: 1000, toMs: 3000 }] },
  ]);
});

test('a book keeps its span, and of the time before only what machines stand in', () => {
  const book = new TraceBook({ fromMs: 1305, toMs: 1340 });
  for (const note of notes) book.note(note);
  expect(book.notes.map(({ atMs }) => atMs)).toEqual([100, 200, 900, 950, 1310, 1340]);
});

test('a diagram has an arrow for each message that arrived, a cross for each that was lost, and no text that is markup', () => {
  const svg = drawDiagram(notes, { title: 'seed <1>', span });
  expect(svg.match(/<line class="message append"/g)).toHaveLength(1);
  expect(svg.match(/<path class="lost vote"/g)).toHaveLength(1);
  expect(svg.match(/<rect class="lane paused"/g)).toHaveLength(1);
  expect(svg).toContain('seed &lt;1&gt;');
  expect(svg).toContain('n2 is &lt;cut&gt; off');
  expect(svg).not.toMatch(/<cut>|a read & a/);
});

test('an arrow goes from where a message is sent to where it arrives', () => {
  const svg = drawDiagram(notes, { title: '', span });
  const [, x1, y1, x2, y2] = (
    /<line class="message append" x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"/.exec(svg) ?? []
  ).map(Number);
  expect(x2).toBeGreaterThan(x1 ?? Infinity);
  expect((y2 ?? 0) - (y1 ?? 0)).toBeCloseTo(100, 5);
});

test('a page holds everything itself: boxes for the marks, the diagram, the story', () => {
  const page = renderPage({ title: 't', diagram: '<svg></svg>', story: ['a < b'] });
  for (const kind of markKinds) expect(page).toContain(`value="${kind}"`);
  expect(page).toContain('a &lt; b');
  expect(page).not.toMatch(/(src|href)=/);
});

test.each([
  ['pre-vote-request', 'vote'],
  ['append 3..5', 'append'],
  ['snapshot-chunk', 'snapshot'],
  ['read-request', 'read'],
  ['heartbeat', 'heartbeat'],
  ['m1 is alive', 'heartbeat'],
  ['{"key":"vote"}', 'client'],
  ['12 bytes', 'other'],
])('%s is of the kind %s', (text, kind) => {
  expect(kindOfMessage(text)).toBe(kind);
});
