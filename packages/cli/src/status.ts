// `holdfast status`: what each server says of itself, of its peers, and of the one who asks.
import { OpError, sleep, toOpError } from '@holdfast/base';
import type { StatusResponse, Timestamp } from '@holdfast/rpc';
import { defineCommand, type FlagTable, type System } from './command.ts';
import { connect, connectionFlags, type Connections } from './connection.ts';
import { readDurationMs } from './duration-flag.ts';
import { formatTime } from './pki/authority-folder.ts';
import { outputFlag, printListing, type Column } from './table.ts';

const flags = {
  ...connectionFlags,
  output: outputFlag,
  wait: {
    value: 'DURATION',
    summary: 'how long to ask again until every server answers and does its work',
    unit: 'duration',
    default: '0s',
  },
} as const satisfies FlagTable;

const comingStates: ReadonlySet<string> = new Set(['starting', 'degraded']);
/** Between two rounds of --wait. */
const roundPauseMs = 100;

export type StatusAnswer = { readonly address: string } & (
  { readonly status: StatusResponse; readonly error: null } | { readonly status: null; readonly error: OpError }
);

const columns: readonly Column<StatusAnswer>[] = [
  { header: 'SERVER', cell: ({ address }) => address },
  { header: 'VERSION', cell: ({ status }) => status?.version ?? '' },
  { header: 'HEALTH', cell: ({ status, error }) => (error === null ? healthOf(status) : 'no answer') },
  { header: 'YOU ARE', cell: ({ status }) => callerOf(status) },
  { header: 'PEERS', cell: ({ status }) => peersOf(status) },
  { header: 'NODE', wide: true, cell: ({ status }) => status?.node ?? '' },
  { header: 'STARTED', wide: true, cell: ({ status }) => timeOf(status?.startTime ?? null) ?? '' },
  { header: 'CLUSTER', wide: true, cell: ({ status }) => status?.cluster ?? '' },
  { header: 'REASON', wide: true, cell: ({ status, error }) => error?.message ?? reasonOf(status) },
];

export const status = defineCommand({
  name: 'status',
  summary: 'ask metadata servers how they are, whom they reach, and whom they take you for',
  flags,
  async run({ flags: given, system }) {
    const waitMs = readDurationMs('--wait', given.wait);
    const connections = await connect(given, system);
    try {
      const answers = await askUntilAll(connections, system, waitMs);
      const failures = answers.flatMap(({ error }) => (error === null ? [] : [error]));
      const [first] = failures;
      // Nothing to put into a table: the one line says it all.
      if (failures.length === answers.length && !['json', 'yaml'].includes(given.output))
        throw summarise(failures, answers.length);
      const document = { servers: answers.map(documentOf) };
      await printListing(system, { format: given.output, columns, rows: answers, document });
      if (first !== undefined) throw summarise(failures, answers.length);
    } finally {
      await connections.close();
    }
  },
});

/** One reason for all is told as it is, with its own code; different ones as a count. */
function summarise(failures: readonly OpError[], total: number): OpError {
  const [first] = failures;
  if (first !== undefined && failures.length === total && failures.every(({ code }) => code === first.code))
    return first;
  return new OpError('STATUS_INCOMPLETE', { failed: failures.length, total, reason: first?.message ?? '' });
}

/** The answers of the first round in which every server does its work, or of the last. */
async function askUntilAll(
  connections: Connections,
  { clock, timers }: System,
  waitMs: number,
): Promise<StatusAnswer[]> {
  const endMs = clock.monotonicMs() + waitMs;
  for (;;) {
    const answers = await askStatus(connections);
    // Only a server that is not there, or not ready, may come: one that refuses will refuse again.
    const isWorthAsking = answers.some(({ status: said, error }) =>
      error === null ? comingStates.has(healthOf(said)) : error.kind === 'unavailable',
    );
    if (!isWorthAsking || clock.monotonicMs() + roundPauseMs > endMs) return answers;
    await sleep(timers, roundPauseMs);
  }
}

/** Asks every server; one that does not answer is an answer too. */
export async function askStatus({ servers, timeoutMs }: Connections): Promise<StatusAnswer[]> {
  const { loadMetadataServices } = await import('@holdfast/rpc');
  const { statusService } = await loadMetadataServices();
  return Promise.all(
    servers.map(async ({ address, channel }): Promise<StatusAnswer> => {
      try {
        const answered = await channel.calls(statusService).get({}, { timeoutMs });
        return { address, status: answered, error: null };
      } catch (error) {
        return { address, status: null, error: toOpError(error) };
      }
    }),
  );
}

function healthOf(answer: StatusResponse | null): string {
  const state = answer?.health?.state ?? 'UNKNOWN';
  return typeof state === 'number' ? `state ${state}` : state.toLowerCase();
}

function reasonOf(answer: StatusResponse | null): string {
  const reasons = [
    answer?.health?.reason ?? '',
    ...(answer?.peers ?? []).map(({ name, reason }) => reason && `${name}: ${reason}`),
  ];
  return reasons.filter((reason) => reason !== '').join('; ');
}

function callerOf(answer: StatusResponse | null): string {
  const caller = answer?.caller ?? null;
  return caller === null ? '' : [caller.role, caller.name, caller.node].filter((part) => part !== '').join('/');
}

/** "m2 reachable, m3 unreachable" */
function peersOf(answer: StatusResponse | null): string {
  const peers = answer?.peers ?? [];
  return peers.map(({ name, reachability }) => `${name} ${String(reachability).toLowerCase()}`).join(', ');
}

function timeOf(timestamp: Timestamp | null): string | null {
  return timestamp === null ? null : formatTime(Number(timestamp.seconds) * 1000 + timestamp.nanos / 1_000_000);
}

function documentOf({ address, status: answered, error }: StatusAnswer): Readonly<Record<string, unknown>> {
  if (answered === null) return { address, error: { code: error.code, message: error.message } };
  const { version, cluster, node, caller, peers } = answered;
  return {
    address,
    version,
    cluster,
    node,
    health: { state: healthOf(answered), reason: answered.health?.reason ?? '' },
    startTime: timeOf(answered.startTime),
    caller: caller === null ? null : { ...caller, notAfter: timeOf(caller.notAfter) },
    peers: peers.map((peer) => ({
      ...peer,
      reachability: String(peer.reachability).toLowerCase(),
      lastAnswerTime: timeOf(peer.lastAnswerTime),
    })),
  };
}
