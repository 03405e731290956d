// `holdfast metadata init`: makes the first server's directory, and with it the group.
import { defineCommand, shellWord } from '@holdfast/cli';
import { homeFlags, readHomeFlags } from './home-flags.ts';

export const metadataInit = defineCommand({
  name: 'metadata init',
  summary: "make the first metadata server's directory, once in the life of a cluster",
  details: [
    'The directory belongs to the name in the certificate. Further servers join: holdfast metadata add, then join.',
  ],
  flags: homeFlags,
  async run({ flags, system }) {
    const { initialiseFirst } = await import('@holdfast/metadata-service');
    const { directory, cluster, ...place } = await readHomeFlags(flags, system);
    await initialiseFirst({ ...system, directory, cluster }, place);
    system.print(`made ${directory} for the first metadata server, ${place.name}, of cluster ${cluster}`);
    system.remark(
      `next: holdfast metadata --certificates ${shellWord(flags.certificates)} --data ${shellWord(flags.data)}`,
    );
  },
});
