// As much of a node's agent as the metadata servers see: a session, and commands in its stream to the leader.
import { BoundedQueue, invariant, RealRandom } from '@holdfast/base';
import { createChannel, loadSessionsServices, type ChannelOptions, type sessions } from '@holdfast/rpc';

const random = new RealRandom();
const streamLimitMs = 5 * 60_000;

type Said = NonNullable<sessions.AgentMessage['body']>;
type Heard = NonNullable<sessions.LeaderMessage['body']>;

export interface NodeSession {
  readonly machine: string;
  readonly boot: string;
  readonly ttlMs: bigint;
  readonly drainBoundMs: bigint;
  /** The node's session before. */
  readonly after: string;
}

export interface NodeAgent {
  readonly session: string;
  /** Says it, and gives its answer. */
  ask(said: Said): Promise<Heard>;
  close(): void;
}

/** Of the node that the certificate names, at the server that leads. */
export async function registerNode(options: ChannelOptions, asked: NodeSession): Promise<NodeAgent> {
  const { sessionsService } = await loadSessionsServices();
  const channel = await createChannel(options);
  const said = new BoundedQueue<sessions.AgentMessage>({ name: 'said', limit: 16 });
  const stream = channel.calls(sessionsService).connect(said, { timeoutMs: streamLimitMs });
  const heard = stream[Symbol.asyncIterator]();
  let number = 0n;
  const ask = async (body: Said): Promise<Heard> => {
    said.tryPut({ number: ++number, body });
    for (;;) {
      const next = await heard.next();
      invariant(next.done !== true && next.value.body !== null, 'the stream goes on, and says something');
      if (next.value.answers === number) return next.value.body;
    }
  };
  const secret = random.bytes(32);
  const registered = await ask({ kind: 'register', value: { ...asked, secret, tornDown: [] } });
  invariant(registered.kind === 'registration', `the node is registered: ${registered.kind}`);
  const close = (): void => {
    said.close();
    channel.close();
  };
  return { session: registered.value.session, ask, close };
}
