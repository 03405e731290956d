// A member of the model metadata service as its callers reach it. Only the leader answers; renewals are remembered by it alone,
// and answered after a confirmation of its leadership that began after they arrived, one for a whole batch (F3).
import type { Clock, Timers } from '@holdfast/base';
import type { VirtualNode } from '@holdfast/base/internal';
import type { Observer, Renewal, RenewalReply } from '../ports.ts';
import { times } from '../settings.ts';
import type { MetadataReply, MetadataRequest, MetadataWire } from './client.ts';
import { refuse, type Command } from './command.ts';
import { nothingIfUnanswered, type ConsensusPort } from './consensus-port.ts';
import { LeaderWatch } from './leader-watch.ts';
import type { MetadataMachine } from './machine.ts';
import { liveSession, type IntentState, type MetadataState, type VolumeState } from './state.ts';

export interface MetadataServerParts {
  readonly node: VirtualNode;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly wire: MetadataWire;
  readonly machine: MetadataMachine;
  readonly consensus: ConsensusPort;
  readonly observer: Observer;
}

type Reply = (reply: MetadataReply) => void;
interface WaitingRenewal {
  readonly renewal: Renewal;
  readonly arrivedMs: number;
  /** Of the observer. */
  readonly ticket: number;
  readonly reply: Reply;
}

const renewalsMax = 1_000;
const leadersOnly: ReadonlySet<Command['kind']> = new Set(['silence', 'open-generation', 'commit-group']);

export class MetadataServer {
  readonly #parts: MetadataServerParts;
  readonly #watch: LeaderWatch;
  #renewals: WaitingRenewal[] = [];
  #isConfirming = false;
  #isStopped = false;

  constructor(parts: MetadataServerParts) {
    this.#parts = parts;
    this.#watch = new LeaderWatch({ ...parts, nudge: (node) => this.#nudge(node) });
    parts.wire.listen(parts.node, (_, request, reply) => this.#handle(request, reply));
    this.#tick();
  }

  get #state(): MetadataState {
    return this.#parts.machine.state;
  }

  stop(): void {
    this.#isStopped = true;
    this.#parts.wire.close(this.#parts.node.name);
  }

  #tick(): void {
    this.#parts.timers.after(times.watchMs, () => {
      if (this.#isStopped) return;
      if (this.#watch.tick() === 'forgot') this.#renewals = [];
      this.#tick();
    });
  }

  #nudge(node: string): void {
    void this.#parts.wire.call(this.#parts, node, { kind: 'nudge' }, times.answerMs);
  }

  #handle(request: MetadataRequest, reply: Reply): void {
    if (this.#isStopped) return;
    if (!this.#parts.consensus.isLeading()) {
      reply({ kind: 'not-leader' });
      return;
    }
    switch (request.kind) {
      case 'command':
        void this.#command(request, reply);
        return;
      case 'look':
        void this.#look(request, reply);
        return;
      case 'renew':
        this.#renew(request.renewal, reply);
        return;
      case 'nudge':
        return;
    }
  }

  async #command({ command: asked, by }: Extract<MetadataRequest, { kind: 'command' }>, reply: Reply): Promise<void> {
    // What only a leader may say comes from the leader's own watch, never from outside.
    if (leadersOnly.has(asked.kind)) {
      reply({ kind: 'answer', answer: refuse('not-allowed') });
      return;
    }
    const command = this.#watch.proposalOf(asked);
    const answer = await this.#parts.consensus.propose(command, by).catch(nothingIfUnanswered);
    if (answer === null || this.#isStopped) return;
    this.#watch.noteAnswer(command, answer);
    reply({ kind: 'answer', answer });
  }

  async #look({ volume, session }: Extract<MetadataRequest, { kind: 'look' }>, reply: Reply): Promise<void> {
    const isConfirmed = await this.#confirm();
    if (!isConfirmed) return;
    const found = liveSession(this.#state, session) === null ? null : this.#state.volumes[volume];
    const looked = { generation: this.#state.generation, volume: found === undefined ? null : structuredClone(found) };
    reply({ kind: 'looked', looked });
  }

  async #confirm(): Promise<boolean> {
    const isConfirmed = await this.#parts.consensus.read().then(() => true, nothingIfUnanswered);
    return isConfirmed !== null && !this.#isStopped;
  }

  #renew(renewal: Renewal, reply: Reply): void {
    if (this.#renewals.length >= renewalsMax) return;
    const { clock, observer } = this.#parts;
    this.#renewals.push({ renewal, arrivedMs: clock.boottimeMs(), ticket: observer.renewing(), reply });
    void this.#answerRenewals();
  }

  async #answerRenewals(): Promise<void> {
    if (this.#isConfirming) return;
    this.#isConfirming = true;
    while (this.#renewals.length > 0 && !this.#isStopped) {
      const batch = this.#renewals;
      this.#renewals = [];
      const isConfirmed = await this.#confirm();
      if (isConfirmed) for (const waiting of batch) this.#answer(waiting);
    }
    this.#isConfirming = false;
  }

  #answer({ renewal, arrivedMs, ticket, reply }: WaitingRenewal): void {
    const { observer, node, consensus } = this.#parts;
    const session = liveSession(this.#state, renewal.session);
    // Between proposing its end and seeing it applied nobody knows whether the session lives.
    if (this.#watch.isEnding(renewal.session)) return;
    if (session === null) {
      reply({ kind: 'renewed', reply: emptyReply('ended') });
      return;
    }
    if (renewal.agent < session.agent) {
      reply({ kind: 'renewed', reply: emptyReply('older-agent') });
      return;
    }
    this.#watch.noteRenewal(session.id, arrivedMs);
    observer.answering(session.id, { member: node.name, term: consensus.term() });
    observer.renewed(session.id, ticket);
    reply({ kind: 'renewed', reply: this.#whatStands(session.id) });
  }

  #whatStands(session: string): RenewalReply {
    const volumes = Object.values(this.#state.volumes);
    const own = volumes.flatMap((volume) => {
      return volume.grants.filter((grant) => grant.session === session).map((grant) => ({ volume, grant }));
    });
    const { generation, pools } = this.#state;
    return {
      verdict: 'stands',
      named: own.map(({ volume, grant }) => ({ volume: volume.name, epoch: grant.epoch })),
      letGo: own
        .filter(({ volume, grant }) => isUndone(volume, grant.node) || this.#watch.isRoleWanted(volume, session))
        .map(({ volume, grant }) => ({ volume: volume.name, epoch: grant.epoch, mode: grant.mode })),
      intents: volumes.flatMap((volume) => {
        const open = volume.intents.filter((intent) => isAskedOf(volume, intent, session));
        return open.map((intent) => ({ volume: volume.name, pool: volume.pool, intent: structuredClone(intent) }));
      }),
      orders: this.#watch.ordersFor(session),
      unproved: Object.values(pools)
        .filter((pool) => pool.openGeneration !== generation)
        .map(({ name }) => name),
    };
  }
}

function isUndone(volume: VolumeState, node: string): boolean {
  return volume.attachments[node]?.isUndoing !== false;
}

/** Who holds a grant drains; what nobody holds is flushed by anybody, once (decision record 13). */
function isAskedOf(volume: VolumeState, { kind, acknowledged }: IntentState, session: string): boolean {
  if (acknowledged.includes(session)) return false;
  if (volume.grants.some((grant) => grant.session === session)) return true;
  return kind === 'share' && volume.grants.length === 0 && acknowledged.length === 0;
}

function emptyReply(verdict: RenewalReply['verdict']): RenewalReply {
  return { verdict, named: [], letGo: [], intents: [], orders: [], unproved: [] };
}
