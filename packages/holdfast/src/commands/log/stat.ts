// `holdfast log stat`: the files of a log and the state of its groups.
import { formatBytes } from '@holdfast/base';
import { defineCommand, outputFlag, printDocument, renderTable, type Column, type FlagTable } from '@holdfast/cli';
import type { GroupFacts } from '@holdfast/raft-log';
import { counted, directoryParameter, isAlive, logDirectory } from './log-directory.ts';

const flags = { output: outputFlag } as const satisfies FlagTable;

const columns: readonly Column<GroupFacts>[] = [
  { header: 'GROUP', cell: ({ group }) => String(group) },
  { header: 'TERM', cell: ({ term }) => String(term) },
  { header: 'VOTE', cell: ({ vote }) => (vote === null ? '' : String(vote)) },
  { header: 'COMMIT', cell: ({ commit }) => String(commit) },
  { header: 'FIRST', cell: ({ firstIndex }) => String(firstIndex) },
  { header: 'LAST', cell: ({ lastIndex }) => String(lastIndex) },
  { header: 'FAULTY', cell: ({ faultySlots }) => (faultySlots === 0 ? '' : String(faultySlots)) },
  { header: 'REMARK', cell: ({ remark }) => remark },
];

export const logStat = defineCommand({
  name: 'log stat',
  summary: 'show the files of a log and the state of its groups',
  details: ['Works on a log in use and on a damaged one; it only reads.'],
  parameters: [directoryParameter],
  flags,
  async run({ flags: { output }, parameters, system }) {
    const { files, directory } = logDirectory(parameters[0] ?? null);
    const { lockHolder, logFacts } = await import('@holdfast/raft-log');
    const holder = lockHolder(files, directory);
    const facts = logFacts(files, directory, { isInUse: isAlive(files, holder) });
    if (await printDocument(system, output, { directory, holder, ...facts })) return;
    const { chunks, firstSequence, lastSequence, chunkBytes, spares, hasReserve, damages } = facts;
    system.print(
      `${directory}: ${counted(chunks, 'chunk', 'chunks')} (${firstSequence} to ${lastSequence}) of ${formatBytes(chunkBytes)}`,
    );
    system.print(
      `spare files: ${spares}; reserve for a full disk: ${hasReserve ? 'there' : 'not made yet, or given up'}`,
    );
    system.print(
      `lock: ${holder ?? 'nobody'}; the last end was ${facts.isClean ? 'a clean one' : 'a crash, or has not come'}`,
    );
    if (damages > 0)
      system.print(`${counted(damages, 'place does', 'places do')} not verify: holdfast log verify names them`);
    for (const line of renderTable(columns, facts.groups)) system.print(line);
  },
});
