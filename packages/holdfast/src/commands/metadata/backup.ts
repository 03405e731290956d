// `holdfast metadata backup`: the state of one metadata server as a file, from which `restore` makes a cluster.
import { dirname, resolve } from 'node:path';
import { OpError, RealFiles, retry, type Files } from '@holdfast/base';
import { connect, connectionFlags, defineCommand, toPath, type Connections, type FlagTable } from '@holdfast/cli';
import type { Channel, DescribeResponse } from '@holdfast/rpc';
import { describeEach, summarise } from './group.ts';

const flags = {
  ...connectionFlags,
  timeout: { value: 'DURATION', summary: 'how long all of it may take', unit: 'duration', default: '1h' },
} as const satisfies FlagTable;

/** For a server to say how far it is. */
const askLimitMs = 3_000;
/** While another backup or the group's own snapshot is under way. */
const backoff = { baseMs: 500, ceilingMs: 5_000 };
const attemptsLimit = 20;

interface Source {
  readonly channel: Channel;
  readonly group: DescribeResponse;
}

export const metadataBackup = defineCommand({
  name: 'metadata backup',
  summary: "write the metadata servers' state to a file, while they work",
  details: [
    'A server that follows is asked before the one that leads. What it has not applied yet is not in the backup, which names its revision.',
    'The file is checked when it is written. It holds no secret that opens anything, and the names of everything.',
  ],
  parameters: [{ name: 'FILE', summary: 'the file to write, which is not there yet', required: true }],
  flags,
  async run({ flags: given, parameters, system }) {
    const path = resolve(toPath(parameters[0] ?? '', system));
    const files = new RealFiles();
    if (files.stat(path) !== null) throw new OpError('FILE_EXISTS', { operation: 'write', path });
    const connections = await connect(given, system);
    try {
      const { source, ahead } = await chooseSource(connections);
      const isRetriable = ({ code }: OpError): boolean => code === 'STATE_IMAGE_BUSY';
      const { timeoutMs } = connections;
      await retry(async () => receive(files, path, { ...source, timeoutMs }), {
        ...{ backoff, attemptsLimit, isRetriable },
        ...system,
      });
      const { verifyBackup } = await import('@holdfast/metadata-service');
      const { head, sizeBytes } = verifyBackup(files, path);
      const made = new Date(head.madeMs).toISOString();
      system.print(
        `wrote ${path}: ${sizeBytes} bytes, the state at revision ${head.index}, from ${head.member} at ${made}`,
      );
      const behind = ahead - head.index;
      if (behind > 0) system.remark(`the cluster had ${behind} revisions more, which are not in it`);
    } finally {
      await connections.close();
    }
  },
});

/** The follower that has most, else the leader; and the last revision that anybody knew to be committed before. */
async function chooseSource(connections: Connections): Promise<{ readonly source: Source; readonly ahead: number }> {
  const answers = await describeEach({ ...connections, timeoutMs: Math.min(connections.timeoutMs, askLimitMs) });
  const sources = connections.servers.flatMap(({ channel }, at): Source[] => {
    const group = answers[at]?.group ?? null;
    return group === null ? [] : [{ channel, group }];
  });
  const rank = ({ group }: Source): number => Number(group.applied) + (group.role === 'LEADER' ? 0 : 0.5);
  const [source] = sources.toSorted((one, other) => rank(other) - rank(one));
  if (source === undefined) {
    throw summarise(
      answers.flatMap(({ error }) => (error === null ? [] : [error])),
      answers.length,
    );
  }
  return { source, ahead: Math.max(...sources.map(({ group }) => Number(group.commit))) };
}

/** The file has its name when all of it is durable. */
async function receive(
  files: Files,
  path: string,
  { channel, timeoutMs }: { readonly channel: Channel; readonly timeoutMs: number },
): Promise<void> {
  const { loadMetadataServices } = await import('@holdfast/rpc');
  const { verifyBackup } = await import('@holdfast/metadata-service');
  const { clusterService } = await loadMetadataServices();
  const partial = `${path}.partial`;
  const file = files.open(partial, 'create');
  try {
    file.ftruncate(0);
    let at = 0;
    for await (const { data } of channel.calls(clusterService).backup({}, { timeoutMs })) {
      file.pwrite(data, at);
      at += data.length;
    }
    file.fsync();
    verifyBackup(files, partial);
    files.rename(partial, path);
    files.fsyncDirectory(dirname(path));
  } finally {
    file.close();
    if (files.stat(partial) !== null) files.unlink(partial);
  }
}
