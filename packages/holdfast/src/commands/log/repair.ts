// `holdfast log repair`: says what it takes to open a log again, and with --apply does it.
import { formatBytes, RealClock, RealRandom, RealTimers } from '@holdfast/base';
import { defineCommand, type FlagTable } from '@holdfast/cli';
import type { OpenReport } from '@holdfast/raft-log';
import { counted, directoryParameter, logDirectory, tellPlace } from './log-directory.ts';
import { tellOutcome } from './verify.ts';

const flags = {
  apply: { value: null, summary: 'do it; without, it only says what it would do', unit: null, default: null },
  salvage: {
    value: null,
    summary: 'open with what is left where chunks, headers or checkpoints are lost; votes are then distrusted',
    unit: null,
    default: null,
  },
} as const satisfies FlagTable;

export const logRepair = defineCommand({
  name: 'log repair',
  summary: 'say what it takes to open a log again; with --apply do it',
  details: [
    'Writes damaged copies of file headers anew, copies a torn end to damaged/ and gives it up, and marks a clean end.',
    'Lost entries stay marked as lost: the replica fetches them from its peers. The log must not be in use.',
  ],
  parameters: [directoryParameter],
  flags,
  async run({ flags: { apply, salvage }, parameters, system }) {
    const { files, directory } = logDirectory(parameters[0] ?? null);
    const { predictOpen, RaftLog, repairHeaders } = await import('@holdfast/raft-log');
    if (!apply) {
      for (const line of plan(predictOpen(files, directory, { isInUse: false }), salvage)) system.print(line);
      system.remark('nothing was changed; --apply does it');
      return;
    }
    const rewritten = repairHeaders(files, directory);
    const parts = { clock: new RealClock(), timers: new RealTimers(), random: new RealRandom() };
    const mode = salvage ? 'salvage' : 'tolerate-tail';
    const log = await RaftLog.open({ directory, mode, create: false, ...parts });
    await log.close();
    if (rewritten > 0)
      system.print(`${counted(rewritten, 'copy of a header was', 'copies of headers were')} written anew`);
    const { copiedAside } = log.report;
    if (copiedAside !== null) system.print(`the torn end was copied to ${copiedAside} and given up`);
    for (const line of tellOutcome(log.report)) system.print(line);
    system.print('the log opens, and was closed cleanly');
  },
});

function plan(report: OpenReport, isSalvaged: boolean): string[] {
  if (report.damages.length === 0) return ['everything that an open looks at verifies: nothing to do'];
  const places = report.damages.map(
    (damage) => `${damage.path}: ${tellPlace(damage.standing, damage)} — ${remedyOf(damage, isSalvaged)}`,
  );
  const tailBytes = report.damages
    .filter(({ standing }) => standing === 'tail')
    .reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  const cut = tailBytes === 0 ? [] : [`would give up ${formatBytes(tailBytes)} at the end, after a copy to damaged/`];
  return [...places, ...cut, ...tellOutcome(report)];
}

function remedyOf({ standing }: OpenReport['damages'][number], isSalvaged: boolean): string {
  switch (standing) {
    case 'damaged':
      return 'stays in its place; what it held counts as lost';
    case 'tail':
      return 'would be given up';
    case 'abandoned':
      return 'was given up before';
    case 'structure':
      return isSalvaged ? 'what is left would be opened; votes may be distrusted' : 'needs --salvage';
  }
}
