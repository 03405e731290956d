// The agents of sessions.bench.ts, in a process of their own: each with its certificate, its connection and its stream. They register,
// say `ready`, and renew when they are told to; in the end they say how many renewals were answered with every grant.
import { join } from 'node:path';
import { BoundedQueue, invariant, RealClock, RealRandom, RealTimers } from '@holdfast/base';
import {
  agentClientLimits,
  CertificateKeeper,
  certificateFilesIn,
  createChannel,
  FileCertificateStore,
  loadSessionsServices,
  quietLog as log,
  type sessions,
} from '@holdfast/rpc';

export interface AgentsOrder {
  readonly address: string;
  readonly directory: string;
  readonly agents: number;
  readonly grants: number;
  readonly renewMs: number;
}
export type AgentsWord = { readonly kind: 'ready' } | { readonly kind: 'answered'; readonly renewals: number };

const clock = new RealClock();
const timers = new RealTimers();
const random = new RealRandom();
const dayMs = 86_400_000;

const order = JSON.parse(process.argv[2] ?? '') as AgentsOrder;
const { sessionsService } = await loadSessionsServices();
let answered = 0;

async function connect(name: string): Promise<() => void> {
  const store = new FileCertificateStore(certificateFilesIn(join(order.directory, name)));
  const keeper = await CertificateKeeper.open({ store, clock, timers, random, log, metrics: null });
  const channel = await createChannel({
    ...{ address: order.address, keeper, log, metrics: null, clock, random },
    limits: agentClientLimits,
  });
  const said = new BoundedQueue<sessions.AgentMessage>({ name: 'said', limit: 64 });
  const stream = channel.calls(sessionsService).connect(said, { timeoutMs: dayMs })[Symbol.asyncIterator]();
  let number = 0n;
  const secret = random.bytes(32);
  const times = { ttlMs: 8_000n, drainBoundMs: 1_000n, tornDown: [], after: '' };
  said.tryPut({ number: ++number, body: { kind: 'register', value: { machine: name, boot: 'b', secret, ...times } } });
  const first = await stream.next();
  invariant(first.done !== true && first.value.body?.kind === 'registration', 'it is registered');
  void take(stream);
  return () => said.tryPut({ number: ++number, body: { kind: 'renew', value: {} } });
}

async function take(stream: AsyncIterator<sessions.LeaderMessage>): Promise<void> {
  for (let next = await stream.next(); next.done !== true; next = await stream.next()) {
    const { body } = next.value;
    if (body?.kind === 'standing' && body.value.grants.length === order.grants) answered++;
  }
}

function say(word: AgentsWord): void {
  process.send?.(word);
}

function begin(): void {
  for (const [at, renew] of renewals.entries()) {
    const renewLater = (delayMs: number): void => {
      timers.after(delayMs, () => {
        renew();
        renewLater(order.renewMs);
      });
    };
    // As if they had begun at any time.
    renewLater((order.renewMs * at) / order.agents);
  }
}

const renewals: (() => void)[] = [];
for (let at = 0; at < order.agents; at++) renewals.push(await connect(`agent-node-${at}`));
process.on('message', (word) => {
  if (word === 'renew') begin();
  if (word === 'stop') say({ kind: 'answered', renewals: answered });
});
say({ kind: 'ready' });
