// What the commands share that ask metadata servers: a connection for as long as the command works.
import { connect, connectionFlags, connectLeader, outputFlag } from '@holdfast/cli';
import type { ConnectionFlags, Connections, FlagTable, LeaderConnection, System } from '@holdfast/cli';
import type { loadMetadataServices } from '@holdfast/rpc';

export type Services = Awaited<ReturnType<typeof loadMetadataServices>>;

/** Of a command that prints what it was told. */
export const showFlags = { ...connectionFlags, output: outputFlag } as const satisfies FlagTable;

/** Asks whichever server leads. */
export async function withLeader(
  flags: ConnectionFlags,
  system: System,
  work: (connection: LeaderConnection, services: Services) => Promise<void>,
): Promise<void> {
  const connection = await connectLeader(flags, system);
  try {
    await work(connection, await loadServices());
  } finally {
    await connection.close();
  }
}

/** Asks each of the servers that were named. */
export async function withServers(
  flags: ConnectionFlags,
  system: System,
  work: (connections: Connections, services: Services) => Promise<void>,
): Promise<void> {
  const connections = await connect(flags, system);
  try {
    await work(connections, await loadServices());
  } finally {
    await connections.close();
  }
}

async function loadServices(): Promise<Services> {
  const { loadMetadataServices: load } = await import('@holdfast/rpc');
  return load();
}
