// `holdfast metadata join`: makes a further server's directory, as a member that was admitted by its token.
import { OpError } from '@holdfast/base';
import { connectionFlags, connectLeader, defineCommand, shellWord, type FlagTable } from '@holdfast/cli';
import type { HomeOptions } from '@holdfast/metadata-service';
import { describeGroup } from './group.ts';
import { homeFlags, readHomeFlags } from './home-flags.ts';

const tokenVariable = 'HOLDFAST_TOKEN';
const flags = {
  ...homeFlags,
  server: connectionFlags.server,
  timeout: connectionFlags.timeout,
  token: {
    value: 'TOKEN',
    summary: `what holdfast metadata add printed for this server [${tokenVariable}]`,
    unit: null,
    default: null,
  },
} as const satisfies FlagTable;

export const metadataJoin = defineCommand({
  name: 'metadata join',
  summary: "make a further metadata server's directory, by a token",
  details: [
    'It is asked for with the identity of the server that joins. The server learns and does not vote: holdfast metadata promote gives it a vote.',
  ],
  flags,
  async run({ flags: given, system }) {
    const { initialiseJoined, prepareHome, readAdmission, refuseExisting, knownVersion, schemaSteps } =
      await import('@holdfast/metadata-service');
    const { directory, cluster, name, ...addresses } = await readHomeFlags(given, system);
    const home: HomeOptions = { ...system, directory, cluster };
    refuseExisting(home);
    const token = given.token ?? system.environment[tokenVariable];
    if (token === undefined)
      throw new OpError('FLAG_WRONG', { flag: '--token', reason: `is required, or ${tokenVariable}` });
    const connection = await connectLeader(given, system);
    try {
      const { loadMetadataServices } = await import('@holdfast/rpc');
      const { clusterService } = await loadMetadataServices();
      const { client, timeoutMs } = connection;
      checkKnown((await describeGroup(connection)).version, knownVersion(schemaSteps));
      await prepareHome(home);
      const joined = await client.change(clusterService, 'join', { token, ...addresses }, { timeoutMs });
      const { member, first } = readAdmission(joined);
      await initialiseJoined(home, member, first);
      system.print(`made ${directory} for the metadata server ${name}, member ${member} of cluster ${cluster}`);
    } finally {
      await connection.close();
    }
    const words = `--certificates ${shellWord(given.certificates)} --data ${shellWord(given.data)}`;
    system.remark(`next: holdfast metadata ${words}, then: holdfast metadata promote ${name}`);
  },
});

/** Before the token is used up: the server would be refused by the others. */
function checkKnown(version: bigint, known: number): void {
  if (version > known) throw new OpError('STATE_VERSION_TOO_NEW', { found: Number(version), known });
}
