// `holdfast log dump`: what a log holds, one record a line, in the order in which it was written.
import { formatBytes, OpError } from '@holdfast/base';
import { defineCommand, type FlagTable, type FlagValues, type System } from '@holdfast/cli';
import type { FoundBatch, FoundRecord, SeenChunk } from '@holdfast/raft-log';
import { directoryParameter, logDirectory, tellChunk, tellPlace, type Place } from './log-directory.ts';

const flags = {
  group: { value: 'NUMBER', summary: 'only what is about this group', unit: null, default: null },
  from: { value: 'INDEX', summary: 'only entries from this index on', unit: null, default: null },
  to: { value: 'INDEX', summary: 'only entries up to this index', unit: null, default: null },
  all: {
    value: null,
    summary: 'also how batches are laid out: heads, tables, second copies',
    unit: null,
    default: null,
  },
  json: { value: null, summary: 'a JSON object a line', unit: null, default: null },
  payload: { value: null, summary: 'with --json: the payloads too, in base64', unit: null, default: null },
} as const satisfies FlagTable;

export const logDump = defineCommand({
  name: 'log dump',
  summary: 'print what a log holds, one record a line',
  details: [
    'Works on a log in use and on a damaged one; it only reads.',
    'What does not verify stands in its place, whatever is selected.',
  ],
  parameters: [directoryParameter],
  flags,
  async run({ flags: values, parameters, system }) {
    const selection = selectionOf(values);
    const { files, directory } = logDirectory(parameters[0] ?? null);
    const { inspectLog, isLayout, isOfGroup, recordFields, tellRecord } = await import('@holdfast/raft-log');
    const isShown = (record: FoundRecord): boolean =>
      (values.all || !isLayout(record)) && isSelected(record, selection, isOfGroup(record.header));
    const printer: Printer = values.json
      ? new JsonPrinter(system, (record) => ({
          ...recordFields(record),
          ...(values.payload && record.payload !== null
            ? { payload: Buffer.from(record.payload).toString('base64') }
            : {}),
        }))
      : new StoryPrinter(system, tellRecord);
    for (const chunk of inspectLog(files, directory)) dumpChunk(chunk, isShown, printer);
  },
});

interface Selection {
  readonly group: number | null;
  readonly from: number | null;
  readonly to: number | null;
}

function selectionOf({ group, from, to }: FlagValues<typeof flags>): Selection {
  return { group: numberOf('--group', group), from: numberOf('--from', from), to: numberOf('--to', to) };
}

function numberOf(argument: string, text: string | null): number | null {
  if (text === null) return null;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new OpError('ARGUMENT_WRONG', { argument, reason: `is a whole number, not "${text}"` });
}

function isSelected({ header }: FoundRecord, { group, from, to }: Selection, isOfGroup: boolean): boolean {
  if (group !== null && (!isOfGroup || header.group !== group)) return false;
  if (from === null && to === null) return true;
  return header.kind === 'entry' && header.index >= (from ?? 0) && header.index <= (to ?? Infinity);
}

interface Printer {
  chunk(chunk: SeenChunk): void;
  /** Once for a batch of which something is shown. */
  batch(batch: FoundBatch): void;
  record(record: FoundRecord): void;
  damage(damage: Place, standing: string): void;
}

function dumpChunk(chunk: SeenChunk, isShown: (record: FoundRecord) => boolean, printer: Printer): void {
  printer.chunk(chunk);
  for (const damage of chunk.damages) printer.damage(damage, 'damaged');
  for (const batch of chunk.batches) {
    const shown = batch.records.filter(isShown);
    const isSound = batch.standing === 'sound';
    if (shown.length === 0 && isSound) continue;
    printer.batch(batch);
    // In the order of their places: a damage stands where its record would.
    const lines = [
      ...shown.map((record) => ({ position: record.position, print: () => printer.record(record) })),
      ...batch.damages.map((damage) => ({
        position: damage.position,
        print: () => printer.damage(damage, batch.standing),
      })),
    ];
    for (const { print } of lines.sort((left, right) => left.position - right.position)) print();
  }
}

const standings: Readonly<Record<FoundBatch['standing'], string>> = {
  sound: '',
  damaged: ' — DAMAGED although it was durable',
  tail: ' — UNFINISHED: being written, torn by a crash, or rotten',
  abandoned: ' — given up by a recovery',
};

class StoryPrinter implements Printer {
  readonly #system: System;
  readonly #tell: (record: FoundRecord) => string;

  constructor(system: System, tell: (record: FoundRecord) => string) {
    this.#system = system;
    this.#tell = tell;
  }

  chunk(chunk: SeenChunk): void {
    this.#system.print(tellChunk(chunk, formatBytes));
  }
  batch({ position, head, standing }: FoundBatch): void {
    const name = head === null ? 'a batch without its head' : `batch ${head.number}`;
    this.#system.print(`${at(position)}${name}${standings[standing]}`);
  }
  record(record: FoundRecord): void {
    this.#system.print(`${at(record.position)}  ${this.#tell(record)}`);
  }
  damage(damage: Place): void {
    this.#system.print(`${at(damage.position)}  !! ${tellPlace('damage', damage)}`);
  }
}

function at(position: number): string {
  return `${String(position).padStart(10)}  `;
}

class JsonPrinter implements Printer {
  readonly #system: System;
  readonly #fields: (record: FoundRecord) => object;
  #sequence = 0;

  constructor(system: System, fields: (record: FoundRecord) => object) {
    this.#system = system;
    this.#fields = fields;
  }

  chunk({ sequence, path, isSealed }: SeenChunk): void {
    this.#sequence = sequence;
    this.#print({ what: 'chunk', path, isSealed });
  }
  batch({ position, endPosition, head, standing }: FoundBatch): void {
    this.#print({ what: 'batch', position, endPosition, number: head?.number ?? null, standing });
  }
  record(record: FoundRecord): void {
    this.#print({ what: 'record', ...this.#fields(record) });
  }
  damage({ position, lengthBytes, reason }: Place, standing: string): void {
    this.#print({ what: 'damage', position, lengthBytes, reason, standing });
  }

  #print(fields: object): void {
    this.#system.print(JSON.stringify({ chunk: this.#sequence, ...fields }));
  }
}
