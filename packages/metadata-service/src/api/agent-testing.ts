// An agent as a real server meets it, for this folder's tests.
import { BoundedQueue, invariant, isOpError } from '@holdfast/base';
import { loadSessionsServices, type sessions } from '@holdfast/rpc';
import type { TestGroup } from '../service-testing.ts';

const attemptsMax = 5;
const messagesMax = 100;

export const agentTimeoutMs = 60_000;

export type Said = NonNullable<sessions.AgentMessage['body']>;
export type Heard = NonNullable<sessions.LeaderMessage['body']>;

export interface AgentConnection {
  /** The next message, whatever it answers; null when the stream has ended. */
  next(): Promise<Heard | null>;
  /** Says it, and gives the next message. */
  ask(said: Said): Promise<Heard | null>;
  /** Says it, and gives its answer; what comes unasked meanwhile is kept. */
  answerTo(said: Said): Promise<Heard>;
  /** What came unasked so far. */
  readonly unasked: Heard[];
}

export async function connectAgent(group: TestGroup, node: string | null, address: string): Promise<AgentConnection> {
  const { sessionsService } = await loadSessionsServices();
  const { cluster } = group.certificates.authority;
  const identity = { cluster, role: 'agent', name: `agent-${node ?? 'none'}`, node } as const;
  const channel = group.certificates.connect(address, await group.certificates.keeperFor('agent', { identity }));
  const said = new BoundedQueue<sessions.AgentMessage>({ name: 'test', limit: messagesMax });
  const stream: AsyncIterable<sessions.LeaderMessage> = channel
    .calls(sessionsService)
    .connect(said, { timeoutMs: agentTimeoutMs });
  const messages = stream[Symbol.asyncIterator]();
  let number = 0n;
  const unasked: Heard[] = [];
  const next = async (): Promise<sessions.LeaderMessage | null> => {
    const result = await messages.next();
    return result.done === true ? null : result.value;
  };
  return {
    unasked,
    next: async () => (await next())?.body ?? null,
    ask: async (body) => {
      said.tryPut({ number: ++number, body });
      return (await next())?.body ?? null;
    },
    answerTo: async (body) => {
      said.tryPut({ number: ++number, body });
      for (;;) {
        const message = await next();
        const { answers = 0n, body: heard = null } = message ?? {};
        invariant(heard !== null, 'the stream goes on, and says something');
        if (answers === number) return heard;
        unasked.push(heard);
      }
    },
  };
}

export function registerMessage(): Said {
  const times = { ttlMs: 8_000n, drainBoundMs: 1_000n };
  const secret = Buffer.alloc(32, 1);
  return { kind: 'register', value: { machine: 'm', boot: 'b', secret, ...times, tornDown: [], after: '' } };
}

/** A machine that stands still for a moment makes its leader forget, and ends its streams: then all of it is told once more. */
export async function untilCalm(story: () => Promise<void>, startAgain: () => Promise<void>): Promise<void> {
  for (let attempts = 1; ; attempts++) {
    try {
      await story();
      return;
    } catch (error) {
      if (!isOpError(error) || !error.retriable || attempts === attemptsMax) throw error;
      await startAgain();
    }
  }
}
