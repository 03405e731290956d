// A disk for tests: writes are under way until they are synced, in order; a crash keeps some first part of them, whole. It can
// also lose what was acknowledged, and says so as the write-ahead log would. Test code.
import { invariant, type LogIndex } from '@holdfast/base';
import type { StorageWrite, Vote } from './effects.ts';
import type { Entry } from './entry.ts';
import type { Position } from './ids.ts';
import type { SnapshotMark } from './message.ts';
import type { Recovered } from './recovered.ts';

interface DiskState {
  readonly vote: Vote;
  readonly commit: LogIndex;
  readonly snapshot: SnapshotMark;
  readonly entries: readonly Entry[];
  readonly faulty: readonly Position[];
  readonly ambiguity: Recovered['ambiguity'];
}

export class ModelDisk {
  #state: DiskState;
  #pending: StorageWrite[] = [];
  /** Snapshots that were taken here or installed: what compaction leaves the log to begin with. */
  #marks = new Map<number, SnapshotMark>();

  constructor(recovered: Recovered) {
    const { vote, commit, snapshot, entries, faulty, ambiguity } = recovered;
    this.#state = { vote, commit, snapshot, entries, faulty, ambiguity };
  }

  get pending(): number {
    return this.#pending.length;
  }
  /** What a sync of everything would leave: the log as its replica sees it. */
  get entries(): readonly Entry[] {
    return this.#pending.reduce((state, write) => this.#after(state, write), this.#state).entries;
  }

  write(write: StorageWrite): void {
    this.#pending.push(write);
  }

  noteSnapshot(mark: SnapshotMark): void {
    this.#marks.set(mark.index, mark);
  }

  /** Makes the first `count` writes durable; answers the last one's ticket, or null if there is none. */
  sync(count = this.#pending.length): number | null {
    const done = this.#pending.splice(0, count);
    for (const write of done) this.#state = this.#after(this.#state, write);
    return done.at(-1)?.ticket ?? null;
  }

  /** Of the writes under way the first `kept` had reached the disk. */
  crash(kept: number): void {
    this.sync(Math.min(kept, this.#pending.length));
    this.#pending = [];
  }

  /** The last `count` entries rot, acknowledged or not; at the next start nobody can tell. */
  loseTail(count: number): void {
    const { entries, faulty } = this.#state;
    const end = Math.max(...[...entries, ...faulty].map(({ index }) => index), 0) - count;
    const isKept = ({ index }: Position): boolean => index <= end;
    this.#state = {
      ...this.#state,
      entries: entries.filter(isKept),
      faulty: faulty.filter(isKept),
      ambiguity: { term: null },
    };
  }

  /** The tail could have been torn, and was not. */
  doubtTail(): void {
    this.#state = { ...this.#state, ambiguity: { term: null } };
  }

  /** One slot cannot be read any more. */
  damage(index: LogIndex, isTermKnown: boolean): void {
    const { entries, faulty } = this.#state;
    const entry = entries.find((each) => each.index === index);
    invariant(entry !== undefined, `no entry ${index} to damage`);
    const slot = { index, term: isTermKnown ? entry.term : (0 as Position['term']) };
    this.#state = { ...this.#state, entries: entries.filter((each) => each !== entry), faulty: [...faulty, slot] };
  }

  recover(of: Pick<Recovered, 'applied' | 'installed' | 'partialSnapshot'>): Recovered {
    return { ...this.#state, ...of };
  }

  #after(state: DiskState, write: StorageWrite): DiskState {
    let { snapshot, entries, faulty } = state;
    if (write.snapshot !== null) {
      snapshot = write.snapshot;
      entries = [];
      faulty = [];
    }
    const cut = write.truncateAfter;
    if (cut !== null) {
      entries = entries.filter(({ index }) => index <= cut);
      faulty = faulty.filter(({ index }) => index <= cut);
    }
    const repaired = new Set(write.repairs.map(({ index }) => index));
    faulty = faulty.filter(({ index }) => !repaired.has(index));
    entries = [...entries, ...write.repairs, ...write.entries];
    if (write.repairs.length > 0) entries = entries.toSorted((first, second) => first.index - second.index);
    const { purgeTo } = write;
    if (purgeTo !== null) {
      const mark = this.#marks.get(purgeTo);
      invariant(mark !== undefined, `a purge to ${purgeTo}, of which no snapshot is known`);
      snapshot = mark;
      entries = entries.filter(({ index }) => index > purgeTo);
      faulty = faulty.filter(({ index }) => index > purgeTo);
    }
    return {
      vote: write.vote ?? state.vote,
      commit: write.commit ?? state.commit,
      snapshot,
      entries,
      faulty,
      ambiguity: write.isSettled ? null : state.ambiguity,
    };
  }
}
