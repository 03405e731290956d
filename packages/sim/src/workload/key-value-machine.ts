// The state machine that the simulator replicates: a register per key, and in its state the ledger of the proposals that it applied
// with their answers, so that a retry gets the first one. In memory; its snapshot is JSON.
//
// Its digest covers the state, not its history: it is made of a hash for each part (a key with its value, a proposal with its
// answer) that comes and goes with that part, so that it costs nothing to keep, and is computed anew after an install.
import { crc32 } from 'node:zlib';
import { toLogIndex, type LogIndex } from '@holdfast/base';
import type { SnapshotSource, StateMachine } from '@holdfast/metadata-service';
import { ProposalLedger, type Entry, type LedgerSession, type ProposalId } from '@holdfast/raft';
import type { KeyValue } from '../judge/linearizability.ts';
import { decodeCommand, encodeAnswer, type Command } from './command.ts';

/** Proposals that a session may have under way; also the answers that are kept for each. */
export const aheadMax = 64;

export interface MachineObserver {
  /** The command of this proposal took effect, for the first time as the ledger says. */
  onEffect(id: ProposalId, index: number): void;
  /** Everything up to `index` is in the state. */
  onState(index: number, digest: number): void;
}

interface Contents {
  readonly applied: number;
  readonly values: readonly (readonly [string, string])[];
  readonly sessions: readonly LedgerSession[];
  readonly answers: readonly (readonly [number, readonly (readonly [number, KeyValue])[]])[];
}

export class KeyValueMachine implements StateMachine {
  readonly #observer: MachineObserver;
  #applied = toLogIndex(0);
  #values = new Map<string, string>();
  #ledger = new ProposalLedger(aheadMax);
  #answers = new Map<number, Map<number, KeyValue>>();
  #digest = 0;

  constructor(observer: MachineObserver) {
    this.#observer = observer;
  }

  get applied(): LogIndex {
    return this.#applied;
  }
  get digest(): number {
    return this.#digest;
  }

  read(key: string): KeyValue {
    return this.#values.get(key) ?? null;
  }

  apply(entries: readonly Entry[]): readonly (Uint8Array | null)[] {
    return entries.map((entry) => {
      const answer = entry.kind === 'command' ? this.#applyCommand(entry) : null;
      this.#applied = entry.index;
      this.#observer.onState(entry.index, this.#digest);
      return answer;
    });
  }

  #applyCommand({ data, proposal, index }: Entry): Uint8Array | null {
    if (proposal === null) return null;
    const verdict = this.#ledger.judge(proposal);
    if (verdict === 'first') {
      const value = this.#execute(decodeCommand(data));
      this.#remember(proposal, value);
      this.#observer.onEffect(proposal, index);
      return encodeAnswer({ value });
    }
    const first = this.#answers.get(proposal.session)?.get(proposal.sequence);
    return encodeAnswer(first === undefined ? { value: null, forgotten: true } : { value: first });
  }

  /** Answers with the value that a put or an append leaves, and with the one that a compare-and-set found. */
  #execute({ key, action }: Command): KeyValue {
    const before = this.read(key);
    switch (action.kind) {
      case 'put':
        this.#write(key, action.value);
        return action.value;
      case 'append': {
        const longer = (before ?? '') + action.suffix;
        this.#write(key, longer);
        return longer;
      }
      case 'compare-and-set':
        if (before === action.expected) this.#write(key, action.value);
        return before;
    }
  }

  #write(key: string, value: string): void {
    const before = this.#values.get(key);
    if (before !== undefined) this.#digest ^= hashOf('value', key, before);
    this.#digest ^= hashOf('value', key, value);
    this.#values.set(key, value);
  }

  #remember({ session, sequence }: ProposalId, value: KeyValue): void {
    let answers = this.#answers.get(session);
    if (answers === undefined) this.#answers.set(session, (answers = new Map<number, KeyValue>()));
    answers.set(sequence, value);
    this.#digest ^= hashOf('answer', `${session}.${sequence}`, value ?? '');
    for (const old of answers.keys()) {
      if (answers.size <= aheadMax) break;
      this.#digest ^= hashOf('answer', `${session}.${old}`, answers.get(old) ?? '');
      answers.delete(old);
    }
  }

  snapshot(): SnapshotSource {
    const contents: Contents = {
      applied: this.#applied,
      values: [...this.#values],
      sessions: this.#ledger.contents(),
      answers: [...this.#answers].map(([session, answers]) => [session, [...answers]] as const),
    };
    const bytes = Buffer.from(JSON.stringify(contents));
    let position = 0;
    return {
      read: (limitBytes) => {
        if (position >= bytes.length) return null;
        const part = bytes.subarray(position, position + limitBytes);
        position += part.length;
        return part;
      },
      close: () => {
        position = bytes.length;
      },
    };
  }

  async install(source: SnapshotSource): Promise<void> {
    const parts: Uint8Array[] = [];
    for (let part = source.read(readBytes); part !== null; part = source.read(readBytes)) parts.push(part);
    const contents = JSON.parse(Buffer.concat(parts).toString()) as Contents;
    this.#applied = toLogIndex(contents.applied);
    this.#values = new Map(contents.values);
    this.#ledger = new ProposalLedger(aheadMax, contents.sessions);
    this.#answers = new Map(contents.answers.map(([session, answers]) => [session, new Map(answers)]));
    this.#digest = this.#computeDigest();
    this.#observer.onState(this.#applied, this.#digest);
    return Promise.resolve();
  }

  #computeDigest(): number {
    let digest = 0;
    for (const [key, value] of this.#values) digest ^= hashOf('value', key, value);
    for (const [session, answers] of this.#answers) {
      for (const [sequence, value] of answers) digest ^= hashOf('answer', `${session}.${sequence}`, value ?? '');
    }
    return digest;
  }
}

const readBytes = 64 * 1024;

function hashOf(kind: string, name: string, value: string): number {
  return crc32(`${kind} ${name} ${value}`);
}
