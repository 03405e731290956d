// `holdfast pki init`: makes a cluster's authority.
import { defineCommand, type FlagTable } from '../command.ts';
import { readDurationMs } from '../duration-flag.ts';
import { outputFlag, printDocument } from '../table.ts';
import { authorityFlag, formatTime, lifeFlag, shellWord, toPath } from './authority-folder.ts';

const flags = {
  authority: authorityFlag,
  life: { ...lifeFlag, default: '3650d', summary: "how long the authority's own certificate holds" },
  output: outputFlag,
} as const satisfies FlagTable;

export const pkiInit = defineCommand({
  name: 'pki init',
  summary: "make a cluster's certificate authority",
  details: ['Whoever can read its key can be anybody in the cluster: keep the folder where only administrators are.'],
  flags,
  async run({ flags: { authority: folder, life, output }, system }) {
    const { Authority } = await import('@holdfast/rpc');
    const directory = toPath(folder, system);
    const { clock, random } = system;
    const cluster = random.uuid();
    const authority = await Authority.initialise({
      directory,
      clock,
      random,
      cluster,
      lifeMs: readDurationMs('--life', life),
    });
    const notAfter = formatTime(authority.certificate.notAfterMs);
    if (await printDocument(system, output, { cluster, directory, notAfter })) return;
    system.print(`made the authority of cluster ${cluster} in ${directory}; it holds until ${notAfter}`);
    const where = folder === authorityFlag.default ? '' : ` --authority ${shellWord(folder)}`;
    system.remark(`next: holdfast pki issue metadata m1 --host m1.example.com${where}`);
  },
});
