// `holdfast-sim trace`: what happened in a seed, for a person: a story, or a space-time diagram.
import { writeFileSync } from 'node:fs';
import { extname } from 'node:path';
import { OpError } from '@holdfast/base';
import { defineCommand, readDurationMs } from '@holdfast/cli';
import { drawDiagram } from '../trace/diagram.ts';
import { renderPage } from '../trace/page.ts';
import { tellStory } from '../trace/story.ts';
import { TraceBook, type Span } from '../trace/trace-book.ts';
import type { SeedResult } from '../world/scenario.ts';
import { findingText, open, seedParameter, subjectFlags, subjectOf } from './subject.ts';

const spanDefaultMs = 10_000;

export const trace = defineCommand({
  name: 'trace',
  summary: 'tell what happened in one seed',
  details: [
    'Without --from and --to it is the last ten seconds before the finding, or the first ten of a seed without one.',
    'The ending of FILE decides the form: .txt a story, .svg a space-time diagram, .html both, with boxes to hide marks.',
  ],
  parameters: [seedParameter],
  flags: {
    ...subjectFlags,
    out: { value: 'FILE', summary: 'where it goes; a story to standard output without', unit: null, default: null },
    from: { value: 'TIME', summary: 'where it begins', unit: 'duration since the world began', default: null },
    to: { value: 'TIME', summary: 'where it ends', unit: 'duration since the world began', default: null },
    all: { value: null, summary: 'also heartbeats and the like', unit: null, default: null },
  },
  async run({ flags, parameters, system }) {
    const form = formOf(flags.out);
    const subject = subjectOf(parameters[0] ?? null, flags);
    const { scenario, seed } = subject.job;
    const opened = await open(subject);
    // Where the interesting part lies is known only when it is over; the second run is the same one.
    const result = await opened.run();
    const span = spanOf(result, { from: timeOf('--from', flags.from), to: timeOf('--to', flags.to) });
    const book = new TraceBook(span);
    await opened.run({ trace: book });
    const found = result.finding === null ? '' : `, found ${findingText(result.finding)}`;
    const title = `seed ${seed} of ${scenario}${found}`;
    const story = (): Iterable<string> => tellStory(book.notes, { span, isWhole: flags.all });
    if (flags.out === null) {
      for (const line of story()) system.print(line);
      return;
    }
    const diagram = form === 'txt' ? '' : drawDiagram(book.notes, { title, span });
    const page = form === 'html' ? renderPage({ title, diagram, story: story() }) : diagram;
    writeFileSync(flags.out, form === 'txt' ? `${[title, '', ...story()].join('\n')}\n` : page);
    system.remark(`${flags.out} shows ${span.fromMs / 1000} s to ${span.toMs / 1000} s`);
  },
});

const forms = ['txt', 'svg', 'html'] as const;

function formOf(path: string | null): (typeof forms)[number] {
  if (path === null) return 'txt';
  const form = forms.find((known) => extname(path) === `.${known}`);
  if (form === undefined)
    throw new OpError('FLAG_WRONG', { flag: '--out', reason: `ends with .txt, .svg or .html, and not as "${path}"` });
  return form;
}

interface Given {
  readonly from: number | null;
  readonly to: number | null;
}

function timeOf(flag: string, text: string | null): number | null {
  return text === null ? null : readDurationMs(flag, text);
}

function spanOf({ finding }: SeedResult, given: Given): Span {
  // A little beyond the finding, so that its line is not the diagram's edge.
  const endMs = finding === null ? (given.from ?? 0) + spanDefaultMs : finding.atMs + 100;
  const toMs = given.to ?? endMs;
  const fromMs = given.from ?? Math.max(0, toMs - spanDefaultMs);
  if (toMs > fromMs) return { fromMs, toMs };
  throw new OpError('FLAG_WRONG', { flag: '--from', reason: `lies behind the end of the trace (${toMs / 1000} s)` });
}
