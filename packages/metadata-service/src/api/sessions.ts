// The agents' streams (sessions.proto), over the leader's part of sessions. Every other server names the leader.
import { OpError, type Clock, type Timers } from '@holdfast/base';
import { onAbort } from '@holdfast/base';
import type { Caller, Handlers, loadSessionsServices } from '@holdfast/rpc';
import type { ConnectedAgents } from '../leader/connected-agents.ts';
import type { SessionLeader } from '../leader/session-leader.ts';
import type { MetadataMachine } from '../state/machine.ts';
import { AgentStream } from './agent-stream.ts';
import type { MapFollowers } from './map-followers.ts';
import type { MapLimits } from './map-limits.ts';
import { sessionLimitsDefault, type SessionLimits } from './session-limits.ts';

type Services = Awaited<ReturnType<typeof loadSessionsServices>>;

export interface SessionsOptions {
  readonly sessions: SessionLeader;
  readonly agents: ConnectedAgents;
  readonly machine: Pick<MetadataMachine, 'database'>;
  /** Throws who leads, where this server does not. */
  readonly requireLeader: () => void;
  readonly limits?: Partial<SessionLimits>;
  readonly followers: MapFollowers;
  readonly mapLimits: MapLimits;
  readonly clock: Clock;
  readonly timers: Timers;
}

export function sessionsHandlers(options: SessionsOptions): Handlers<Services['sessionsService']> {
  const limits = { ...sessionLimitsDefault, ...options.limits };
  return {
    async *connect(messages, { caller, signal }) {
      const node = nodeOf(caller);
      options.requireLeader();
      const stream = new AgentStream({ ...options, node, limits });
      const release = onAbort(signal, (error) => stream.end(error));
      try {
        yield* stream.run(messages);
      } finally {
        release();
      }
    },
  };
}

/** An agent speaks for the node of its certificate, and for no other. */
function nodeOf(caller: Caller): string {
  const node = caller.kind === 'certificate' ? caller.identity.node : null;
  if (node === null) throw new OpError('SESSION_STREAM_MISUSED', { reason: 'its certificate names no node' });
  return node;
}
