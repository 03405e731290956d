// How a command reaches servers: with the certificate of the person who types it, over channels that end with the command.
import { OpError } from '@holdfast/base';
import type { CertificateKeeper, Channel, MetadataClient } from '@holdfast/rpc';
import type { Flag, FlagTable, System } from './command.ts';
import { readDurationMs } from './duration-flag.ts';
import { toPath } from './pki/authority-folder.ts';

const certificatesVariable = 'HOLDFAST_CERTIFICATES';
const serverVariable = 'HOLDFAST_SERVER';
/** As many as a cluster may have, and as many again while one is moved. */
const serversLimit = 16;

export const connectionFlags = {
  certificates: {
    value: 'DIR',
    summary: `the folder of your identity, as made by holdfast pki issue admin [${certificatesVariable}]`,
    unit: null,
    default: null,
  },
  server: {
    value: 'ADDR,...',
    summary: `the metadata servers, each HOST:PORT [${serverVariable}]`,
    unit: null,
    default: null,
    repeatable: true,
  },
  timeout: {
    value: 'DURATION',
    summary: 'how long a server may take to answer',
    unit: 'duration',
    default: '3s',
  },
} as const satisfies FlagTable & Record<string, Flag>;

export interface ConnectionFlags {
  readonly certificates: string | null;
  readonly server: readonly string[];
  readonly timeout: string;
}

export interface Connections {
  readonly servers: readonly { readonly address: string; readonly channel: Channel }[];
  readonly timeoutMs: number;
  close(): Promise<void>;
}

export interface LeaderConnection {
  /** Asks whichever server leads. */
  readonly client: MetadataClient;
  readonly timeoutMs: number;
  close(): Promise<void>;
}

/** For what only the leader answers. */
export async function connectLeader(flags: ConnectionFlags, system: System): Promise<LeaderConnection> {
  const servers = [...new Set(readServers(flags, system))];
  const timeoutMs = readTimeoutMs(flags);
  const keeper = await openKeeper(flags.certificates, system);
  const { createMetadataClient, quietLog } = await import('@holdfast/rpc');
  const { clock, timers, random } = system;
  const client = await createMetadataClient({ servers, keeper, log: quietLog, metrics: null, clock, timers, random });
  const close = async (): Promise<void> => {
    client.close();
    await keeper.stop();
  };
  return { client, timeoutMs, close };
}

function readServers(flags: ConnectionFlags, system: System): string[] {
  const addresses = (flags.server.length > 0 ? flags.server : [system.environment[serverVariable] ?? ''])
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '');
  if (addresses.length === 0) throw wrong('--server', `is required: --server HOST:PORT, or ${serverVariable}`);
  if (addresses.length > serversLimit) throw wrong('--server', `names more than ${serversLimit} servers`);
  return addresses;
}

function readTimeoutMs({ timeout }: ConnectionFlags): number {
  const timeoutMs = readDurationMs('--timeout', timeout);
  if (timeoutMs === 0) throw wrong('--timeout', 'leaves no time at all');
  return timeoutMs;
}

export async function connect(flags: ConnectionFlags, system: System): Promise<Connections> {
  const addresses = readServers(flags, system);
  const timeoutMs = readTimeoutMs(flags);
  const keeper = await openKeeper(flags.certificates, system);
  const servers: { address: string; channel: Channel }[] = [];
  const close = async (): Promise<void> => {
    for (const { channel } of servers) channel.close();
    await keeper.stop();
  };
  try {
    const { createChannel, quietLog } = await import('@holdfast/rpc');
    const { clock, random } = system;
    for (const address of new Set(addresses)) {
      const channel = await createChannel({ address, keeper, log: quietLog, metrics: null, clock, random });
      servers.push({ address, channel });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { servers, timeoutMs, close };
}

export async function openKeeper(folder: string | null, system: System): Promise<CertificateKeeper> {
  const { certificateFilesIn, CertificateKeeper, FileCertificateStore, quietLog } = await import('@holdfast/rpc');
  const text = folder ?? system.environment[certificatesVariable];
  if (text === undefined) throw wrong('--certificates', `is required: --certificates DIR, or ${certificatesVariable}`);
  const store = new FileCertificateStore(certificateFilesIn(toPath(text, system)));
  const { clock, timers, random } = system;
  return CertificateKeeper.open({ store, clock, timers, random, log: quietLog, metrics: null });
}

function wrong(flag: string, reason: string): OpError {
  return new OpError('FLAG_WRONG', { flag, reason });
}
