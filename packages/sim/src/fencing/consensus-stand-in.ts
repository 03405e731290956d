// Consensus without replicas of a log, for worlds that judge the fencing rules alone: one log, members that apply it each at its
// own pace, a leader that may be deposed without noticing. It keeps what the rules rely on and nothing else: an entry is applied in
// its place and term everywhere, a read waits for a commit of the current term, a deposed leader confirms nothing. What it was asked to
// propose it may hand on to its successor, as raft does, so a command may be committed in a later term than its proposer's.
import { OpError, toLogIndex, toTerm } from '@holdfast/base';
import type { SeededRandom, VirtualTime } from '@holdfast/base/internal';
import type { Entry } from '@holdfast/raft';
import type { Answer } from './metadata/command.ts';
import { decodeAnswer, encode, type MetadataMachine, type Proposed } from './metadata/machine.ts';
import type { ConsensusPort } from './metadata/consensus-port.ts';

interface Member {
  readonly name: string;
  readonly machine: MetadataMachine;
  /** The term in which it believes to lead; 0 if it does not. */
  believes: number;
  /** It hears of nothing that is committed, and nobody of it. */
  isCut: boolean;
  readonly waiting: Map<number, (answer: Answer) => void>;
}

const handedOnOdds = 3;

export class ConsensusStandIn {
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #members = new Map<string, Member>();
  readonly #log: Entry[] = [];
  #term = 1;
  #leader = '';
  /** Of the term's first entry: nothing is read before it is committed. */
  #termIndex = 0;
  #committed = 0;
  #stalls = 0;

  constructor(time: VirtualTime, random: SeededRandom) {
    this.#time = time;
    this.#random = random;
  }

  join(name: string, machine: MetadataMachine): ConsensusPort {
    const member: Member = { name, machine, believes: 0, isCut: false, waiting: new Map() };
    this.#members.set(name, member);
    return {
      isLeading: () => member.believes > 0,
      term: () => member.believes,
      propose: (command, by) => this.#propose(member, { command, by }),
      read: () => this.#read(member),
    };
  }

  /** Another member leads; the one before believes for a while that it still does. */
  elect(name: string, oldBelievesForMs = 0): void {
    const old = this.#members.get(this.#leader);
    const next = this.#members.get(name);
    if (next === undefined || next.isCut) return;
    this.#term++;
    this.#leader = name;
    if (old !== undefined && old !== next) this.#time.after(oldBelievesForMs, () => this.#step(old));
    next.believes = this.#term;
    this.#termIndex = this.#append(encodeNothing, 'empty');
  }

  /** Disks take nothing in until it ends: heartbeats are answered, so leadership is confirmed, and nothing is committed. */
  stall(): () => void {
    this.#stalls++;
    return () => {
      this.#stalls--;
      this.#commit();
    };
  }

  #step(old: Member): void {
    if (old.name !== this.#leader) old.believes = 0;
  }

  cut(name: string): void {
    const member = this.#members.get(name);
    if (member !== undefined) member.isCut = true;
  }
  mend(name: string): void {
    const member = this.#members.get(name);
    if (member === undefined) return;
    member.isCut = false;
    this.#catchUp(member);
  }

  get leader(): string {
    return this.#leader;
  }

  #delayMs(): number {
    return 0.5 + this.#random.fraction() * 4;
  }

  #leads(member: Member): boolean {
    return member.name === this.#leader && member.believes === this.#term && !member.isCut;
  }

  #propose(member: Member, proposed: Proposed): Promise<Answer> {
    const term = member.believes;
    return new Promise((resolve, reject) => {
      this.#time.after(this.#delayMs(), () => {
        if (!this.#leads(member) || term !== this.#term) {
          // It may be lost, or handed on to the next leader: whoever proposed it does not learn which.
          if (!member.isCut && this.#random.below(handedOnOdds) === 0) this.#append(encode(proposed), 'command');
          this.#time.after(2_000, () => reject(new OpError('RAFT_OUTCOME_UNKNOWN', { reason: 'another leads' })));
          return;
        }
        const index = this.#append(encode(proposed), 'command');
        member.waiting.set(index, resolve);
      });
    });
  }

  #append(data: Uint8Array, kind: Entry['kind']): number {
    const index = toLogIndex(this.#log.length + 1);
    this.#log.push({ index, term: toTerm(this.#term), kind, data, proposal: null });
    this.#commit();
    return index;
  }

  #commit(): void {
    if (this.#stalls > 0) return;
    this.#committed = this.#log.length;
    for (const member of this.#members.values()) {
      this.#time.after(this.#delayMs() * (member.name === this.#leader ? 1 : 3), () => this.#catchUp(member));
    }
  }

  #catchUp(member: Member): void {
    if (member.isCut) return;
    const { machine, waiting } = member;
    for (const entry of this.#log.slice(machine.applied, this.#committed)) {
      const [answer] = machine.apply([entry]);
      const waiter = waiting.get(entry.index);
      waiting.delete(entry.index);
      if (answer !== undefined && answer !== null) waiter?.(decodeAnswer(answer));
    }
  }

  #read(member: Member): Promise<void> {
    return new Promise((resolve, reject) => {
      const index = Math.max(this.#committed, this.#termIndex);
      const term = member.believes;
      const look = (tries: number): void => {
        if (!this.#leads(member) || term !== this.#term) reject(new OpError('RAFT_LEADER_CHANGED', {}));
        else if (member.machine.applied >= index) resolve();
        else this.#time.after(1, () => look(tries + 1));
      };
      this.#time.after(this.#delayMs(), () => look(0));
    });
  }
}

const encodeNothing = new Uint8Array(0);
