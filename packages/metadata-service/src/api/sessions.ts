// The agents' streams (sessions.proto), over the leader's part of sessions. Every other server names the leader.
import { OpError, type Clock, type Timers } from '@holdfast/base';
import { serve, type Caller, type Handlers, type loadSessionsServices, type ServedService } from '@holdfast/rpc';
import type { ConnectedAgents } from '../leader/connected-agents.ts';
import type { SessionLeader } from '../leader/session-leader.ts';
import type { MetadataMachine } from '../state/machine.ts';
import { AgentStream } from './agent-stream.ts';
import { rememberingStandings } from './leader-message.ts';
import type { MapFollowers } from './map-followers.ts';
import type { MapLimits } from './map-limits.ts';
import { sessionLimitsDefault, type SessionLimits } from './session-limits.ts';

type SessionsService = Awaited<ReturnType<typeof loadSessionsServices>>['sessionsService'];

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

export function serveSessions(service: SessionsService, options: SessionsOptions): ServedService {
  const { connect } = service.methods;
  const encodeResponse = rememberingStandings(connect.encodeResponse);
  return serve({ ...service, methods: { connect: { ...connect, encodeResponse } } }, sessionsHandlers(options));
}

function sessionsHandlers(options: SessionsOptions): Handlers<SessionsService> {
  const limits = { ...sessionLimitsDefault, ...options.limits };
  return {
    connect(messages, { caller, signal }) {
      const node = nodeOf(caller);
      options.requireLeader();
      return new AgentStream({ ...options, node, limits }).run(messages, signal);
    },
  };
}

/** An agent speaks for the node of its certificate, and for no other. */
function nodeOf(caller: Caller): string {
  const node = caller.kind === 'certificate' ? caller.identity.node : null;
  if (node === null) throw new OpError('SESSION_STREAM_MISUSED', { reason: 'its certificate names no node' });
  return node;
}
