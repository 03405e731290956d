// The Status service: what a server says of itself and of its caller. Answers from memory alone, so that it answers while
// everything else is down.
import type { Clock } from '@holdfast/base';
import type { Caller as CallerMessage, Health, Peer, StatusResponse, Timestamp } from '../generated/metadata-types.ts';
import type { statusService } from '../generated/metadata-services.ts';
import type { Caller } from '../peer.ts';
import type { Handlers } from '../server/handlers.ts';

export interface StatusOptions {
  readonly version: string;
  /** The name of the cluster, from the configuration. */
  readonly cluster: string;
  /** The node that the server runs on; null if it is bound to none. */
  readonly node: string | null;
  readonly clock: Clock;
  /** Asked at every call. */
  readonly health: () => Health;
  readonly peers: () => readonly Peer[];
}

export function statusHandlers(options: StatusOptions): Handlers<typeof statusService> {
  const startTime = toTimestamp(options.clock.wallMs());
  return {
    get: async (_request, { caller }): Promise<StatusResponse> => ({
      version: options.version,
      health: options.health(),
      caller: describe(caller),
      node: options.node ?? '',
      cluster: options.cluster,
      startTime,
      peers: options.peers(),
    }),
  };
}

function describe(caller: Caller): CallerMessage | null {
  if (caller.kind !== 'certificate') return null;
  const { role, name, node } = caller.identity;
  return { role, name, node: node ?? '', notAfter: toTimestamp(caller.certificate.notAfterMs) };
}

export function toTimestamp(atMs: number): Timestamp {
  const seconds = Math.floor(atMs / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((atMs - seconds * 1000) * 1_000_000) };
}
