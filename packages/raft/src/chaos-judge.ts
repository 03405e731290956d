// What Raft promises, checked after each step of a chaotic cluster: one leader a term, one vote a member and term, logs that
// match, leaders that have all that was ever committed, entries that stay what they were when they were committed, equal
// states at equal indices, commands applied once, reads not older than what was answered before they began. Test code.
import type { Effects } from './effects.ts';
import type { Entry } from './entry.ts';
import type { RaftEvent } from './event.ts';
import type { MemberId } from './ids.ts';
import type { ModelNode } from './model-node.ts';

export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

function demand(isKept: boolean, promise: string): void {
  if (!isKept) throw new BrokenPromise(promise);
}

export class ChaosJudge {
  /** Entries as they were when somebody first applied them, by index. */
  readonly committed = new Map<number, Entry>();
  readonly #leaders = new Map<number, MemberId>();
  readonly #votes = new Map<string, MemberId>();
  readonly #digests = new Map<number, number>();
  readonly #reads = new Map<number, number>();
  /** The highest index that was applied anywhere, so that a client may have heard of it. */
  #seen = 0;
  readonly proposed = new Set<number>();
  readsAnswered = 0;
  elections = 0;

  noteProposal(sequence: number): void {
    this.proposed.add(sequence);
  }

  noteRead(id: number): void {
    this.#reads.set(id, this.#seen);
  }

  observe(node: ModelNode, event: RaftEvent, effects: Effects): void {
    if (event.kind !== 'message') demand(effects.refused?.kind !== 'data-loss', `${event.kind} met data loss`);
    demand(effects.refused?.kind !== 'data-loss', effects.refused?.message ?? '');
    this.#judgeVotes(node, effects);
    this.#judgeCommitted(node, effects);
    if (effects.role?.role === 'leader') this.#judgeLeader(node);
    this.#judgeReads(effects);
  }

  #judgeVotes({ self }: ModelNode, { messages }: Effects): void {
    for (const message of messages) {
      if (message.kind !== 'vote-response' || !message.isGranted) continue;
      const key = `${self} in ${message.term}`;
      const before = this.#votes.get(key) ?? message.to;
      demand(before === message.to, `member ${key} voted for ${before} and for ${message.to}`);
      this.#votes.set(key, message.to);
    }
  }

  #judgeCommitted({ self, machine }: ModelNode, { committed }: Effects): void {
    for (const entry of committed) {
      const known = this.committed.get(entry.index) ?? entry;
      demand(
        isSameEntry(known, entry),
        `entry ${entry.index} is of term ${entry.term} at ${self}, and was committed in ${known.term}`,
      );
      this.committed.set(entry.index, entry);
    }
    const { applied, digest } = machine;
    demand(
      (this.#digests.get(applied) ?? digest) === digest,
      `${self} has another state at ${applied} than others had`,
    );
    this.#digests.set(applied, digest);
    this.#seen = Math.max(this.#seen, applied);
  }

  #judgeLeader({ self, core, disk, snapshot }: ModelNode): void {
    this.elections++;
    const { term } = core.status;
    const other = this.#leaders.get(term) ?? self;
    demand(other === self, `${other} and ${self} both lead in term ${term}`);
    this.#leaders.set(term, self);
    const log = new Map(disk.entries.map((entry) => [entry.index as number, entry]));
    for (const entry of this.committed.values()) {
      if (entry.index <= snapshot.mark.index) continue;
      const own = log.get(entry.index);
      demand(own !== undefined && isSameEntry(own, entry), `${self} leads term ${term} without entry ${entry.index}`);
    }
  }

  #judgeReads({ reads }: Effects): void {
    for (const { id, index } of reads) {
      const floor = this.#reads.get(id);
      if (floor === undefined) continue;
      demand(index >= floor, `read ${id} saw ${index}, but ${floor} was answered before it began`);
      this.#reads.delete(id);
      this.readsAnswered++;
    }
  }
}

/** Logs that agree at an index agree before it. */
export function judgeLogs(nodes: readonly ModelNode[]): void {
  const logs = nodes.map(({ disk }) => new Map(disk.entries.map((entry) => [entry.index as number, entry])));
  for (const [at, first] of logs.entries()) {
    for (const second of logs.slice(at + 1)) {
      const shared = [...first.values()].filter(({ index }) => second.has(index));
      const last = shared.findLastIndex((entry) => second.get(entry.index)?.term === entry.term);
      for (const entry of shared.slice(0, last + 1)) {
        const other = second.get(entry.index) ?? entry;
        demand(isSameEntry(entry, other), `two logs agree behind entry ${entry.index} and differ there`);
      }
    }
  }
}

/** Each command that was applied was proposed, and was applied once. */
export function judgeTexts({ machine }: ModelNode, proposed: ReadonlySet<number>): void {
  demand(new Set(machine.texts).size === machine.texts.length, 'a command was applied twice');
  for (const text of machine.texts) demand(proposed.has(Number(text.split(' ')[1])), `${text} was never proposed`);
}

function isSameEntry(first: Entry, second: Entry): boolean {
  return first.term === second.term && first.kind === second.kind && Buffer.compare(first.data, second.data) === 0;
}
