// `holdfast log verify`: reads all of a log and says what does not verify, and what an open would make of it.
import { formatBytes, OpError } from '@holdfast/base';
import { defineCommand, type FlagTable } from '@holdfast/cli';
import type { FoundBatch, OpenReport } from '@holdfast/raft-log';
import { counted, directoryParameter, isAlive, logDirectory, tellChunk, tellPlace } from './log-directory.ts';

const flags = {
  quiet: { value: null, summary: 'print only what is wrong', unit: null, default: null, short: 'q' },
} as const satisfies FlagTable;

export const logVerify = defineCommand({
  name: 'log verify',
  summary: 'read all of a log and say what does not verify',
  details: [
    'Works on a log in use and on a damaged one; it only reads.',
    'Ends with RAFT_LOG_DAMAGED if something that was durable does not verify, or if the end is torn and nobody writes it.',
  ],
  parameters: [directoryParameter],
  flags,
  async run({ flags: { quiet }, parameters, system }) {
    const { files, directory } = logDirectory(parameters[0] ?? null);
    const { inspectLog, lockHolder, predictOpen } = await import('@holdfast/raft-log');
    const holder = lockHolder(files, directory);
    const writer = isAlive(files, holder) ? holder : null;
    const sums = { chunks: 0, batches: 0, records: 0, damages: 0 };
    const seen = new Set<string>();
    for (const chunk of inspectLog(files, directory)) {
      for (const { reason } of chunk.damages) seen.add(keyOf(chunk.path, reason));
      const told = [...chunk.damages.map((damage) => tellPlace('DAMAGED', damage))];
      for (const batch of chunk.batches) {
        sums.batches += 1;
        sums.records += batch.records.length;
        told.push(...tellDamages(batch, writer));
        if (isFaulty(batch, writer)) sums.damages += batch.damages.length;
      }
      sums.chunks += 1;
      sums.damages += chunk.damages.length;
      if (!quiet || told.length > 0) system.print(tellChunk(chunk, formatBytes));
      for (const line of told) system.print(`  ${line}`);
    }
    const report = predictOpen(files, directory, { isInUse: writer !== null });
    const broken = report.damages.filter(({ standing, path, reason }) => {
      return standing === 'structure' && !seen.has(keyOf(path, reason));
    });
    for (const { path, reason } of broken) system.print(`DAMAGED ${path}: ${reason}`);
    sums.damages += broken.length;
    for (const line of tellOutcome(report)) system.print(line);
    if (!quiet) system.print(tellSums(sums));
    if (sums.damages > 0) throw new OpError('RAFT_LOG_DAMAGED', { directory, count: sums.damages });
  },
});

/** What no chunk shows by itself is told once. */
function keyOf(path: string, reason: string): string {
  return `${path}: ${reason}`;
}

/** A tail that somebody is writing is no damage, and neither is what an earlier recovery gave up. */
function isFaulty({ standing }: FoundBatch, writer: string | null): boolean {
  return standing === 'damaged' || (standing === 'tail' && writer === null);
}

function tellDamages(batch: FoundBatch, writer: string | null): string[] {
  const { standing, position, damages } = batch;
  if (isFaulty(batch, writer)) {
    return damages.map((damage) => tellPlace(standing === 'tail' ? 'TORN END' : 'DAMAGED', damage));
  }
  return standing === 'tail' ? [`the end at ${position} is unfinished: ${writer ?? ''} is writing`] : [];
}

function tellSums(sums: Readonly<Record<'chunks' | 'batches' | 'records' | 'damages', number>>): string {
  const read = [
    counted(sums.chunks, 'chunk', 'chunks'),
    counted(sums.batches, 'batch', 'batches'),
    counted(sums.records, 'record', 'records'),
  ];
  return `${read.join(', ')}: ${sums.damages === 0 ? 'everything verifies' : `${sums.damages} damaged`}`;
}

/** What is missing afterwards, and who makes it good. */
export function tellOutcome({ faulty, ambiguous }: Pick<OpenReport, 'faulty' | 'ambiguous'>): string[] {
  const slots = faulty.map(({ group, from, to }) => {
    const what =
      from === to
        ? `entry ${from} is lost; a peer supplies it`
        : `entries ${from} to ${to} are lost; a peer supplies them`;
    return `group ${group}: ${what}`;
  });
  const doubts = ambiguous.map(({ group, from, to, term }) => {
    const terms = term === null ? 'in no term' : `neither in term ${term} nor in the next`;
    return `group ${group}: ${doubted(from, to)} may have been acknowledged; until it has caught up it votes ${terms}`;
  });
  return [...slots, ...doubts];
}

/** No entry is in doubt where the range ends before it begins: what is lost was a vote, user data or a purge. */
function doubted(from: number, to: number | null): string {
  if (to === null) return `entries ${from} and later`;
  if (to < from) return 'something that is lost and no entry';
  return from === to ? `entry ${from}` : `entries ${from} to ${to}`;
}
