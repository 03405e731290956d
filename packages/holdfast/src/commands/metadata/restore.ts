// `holdfast metadata restore`: makes the first server's directory of a cluster that begins anew with what a backup holds.
import { resolve } from 'node:path';
import { OpError } from '@holdfast/base';
import { defineCommand, shellWord, toPath, type FlagTable } from '@holdfast/cli';
import { homeFlags, readHomeFlags } from './home-flags.ts';

const flags = {
  ...homeFlags,
  seen: {
    value: 'GENERATION',
    summary: 'the highest cluster generation that there ever was, if this backup was restored before',
    unit: null,
    default: '0',
  },
} as const satisfies FlagTable;

/** Each generation counts its revisions from far behind the one before, and they stay whole numbers up to here. */
const generationMax = 9_000;

export const metadataRestore = defineCommand({
  name: 'metadata restore',
  summary: "make the first metadata server's directory of a backup, for a cluster that lost all of them",
  details: [
    'No metadata server of before may run, or be started again: the restored cluster knows nothing of what was committed after the backup.',
    'Every session and every grant of before has ended, and an agent registers anew. A pool gives nothing before everything older is shut out of it.',
    'Nothing is written unless the whole backup is sound.',
  ],
  parameters: [{ name: 'FILE', summary: 'what holdfast metadata backup wrote', required: true }],
  flags,
  async run({ flags: given, parameters, system }) {
    const { restoreBackup } = await import('@holdfast/metadata-service');
    const backup = resolve(toPath(parameters[0] ?? '', system));
    const seen = readGeneration(given.seen);
    const { directory, cluster, ...place } = await readHomeFlags(given, system);
    const by = `metadata/${place.name}`;
    const restored = await restoreBackup({ ...system, directory, cluster, backup, seen, by }, place);
    const { head, sizeBytes, hash, generation, revision } = restored;
    const made = new Date(head.madeMs).toISOString();
    system.print(`${backup} is whole: ${sizeBytes} bytes, made by ${head.member}, release ${head.release}, at ${made}`);
    system.print(`it holds cluster ${cluster} at revision ${head.index}, with the hash ${hash}`);
    system.print(`made ${directory} for ${place.name}, which is alone in cluster generation ${generation}`);
    system.print(`what was committed behind revision ${head.index} is lost; the cluster counts on from ${revision}`);
    const words = `--certificates ${shellWord(given.certificates)} --data ${shellWord(given.data)}`;
    system.remark('next: see that no metadata server of before runs, and remove their directories');
    system.remark(`then: holdfast metadata ${words}`);
    system.remark('then, for each further server: holdfast metadata add, join and promote');
    system.remark('then, for each pool whose devices have no reservations: holdfast pool open NAME');
  },
});

function readGeneration(text: string): number {
  const generation = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  if (generation <= generationMax) return generation;
  throw new OpError('FLAG_WRONG', {
    flag: '--seen',
    reason: `is no generation: a whole number up to ${generationMax}`,
  });
}
