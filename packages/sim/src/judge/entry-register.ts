// Every entry that any replica ever had in its log, by index and term: what it says, what stood before it, and who ever had it
// durably. Two logs with the same entry at a place are the same up to there: by induction it is enough that the entry and the
// term before it are the same wherever they are seen.
import { crc32 } from 'node:zlib';
import type { Configuration, Entry, MemberId } from '@holdfast/raft';
import { isQuorum } from './configuration-rules.ts';

export interface RegisteredEntry {
  readonly hash: number;
  /** null where it was first seen without its neighbour. */
  previousTerm: number | null;
  /** Bit by member id. */
  durableAt: number;
}

/** Member ids are bits of a word; no world of ours has as many. */
export const memberIdMax = 30;
const termsMax = 2 ** 20;

export class EntryRegister {
  readonly #entries = new Map<number, RegisteredEntry>();
  /** The last entry that each member has had by a snapshot. */
  readonly #snapshots = new Map<number, number>();

  find(index: number, term: number): RegisteredEntry | null {
    return this.#entries.get(key(index, term)) ?? null;
  }

  /** Answers what is wrong with this sight of an entry; null if it agrees with all earlier ones. */
  see(entry: Entry, previousTerm: number | null): string | null {
    const hash = hashOf(entry);
    const known = this.#entries.get(key(entry.index, entry.term));
    if (known === undefined) {
      this.#entries.set(key(entry.index, entry.term), { hash, previousTerm, durableAt: 0 });
      return null;
    }
    if (known.hash !== hash) return `entry ${entry.index} of term ${entry.term} says two things`;
    known.previousTerm ??= previousTerm;
    if (previousTerm === null || known.previousTerm === previousTerm) return null;
    return `before entry ${entry.index} of term ${entry.term} stands one of term ${previousTerm}, and one of term ${known.previousTerm} elsewhere`;
  }

  noteDurable(member: MemberId, index: number, term: number): void {
    const known = this.#entries.get(key(index, term));
    if (known !== undefined) known.durableAt |= 1 << member;
  }

  noteSnapshot(member: MemberId, index: number): void {
    this.#snapshots.set(member, Math.max(index, this.#snapshots.get(member) ?? 0));
  }

  /** Whether a quorum of `configuration` has ever had this entry durably. */
  hasQuorum(index: number, term: number, configuration: Configuration): boolean {
    const durableAt = this.find(index, term)?.durableAt ?? 0;
    const has = (member: MemberId): boolean =>
      (durableAt & (1 << member)) !== 0 || (this.#snapshots.get(member) ?? 0) >= index;
    return isQuorum(configuration, has);
  }
}

export function hashOf({ kind, data, proposal }: Entry): number {
  const head = `${kind} ${proposal?.session ?? '-'} ${proposal?.sequence ?? '-'}`;
  return crc32(data, crc32(head));
}

function key(index: number, term: number): number {
  return index * termsMax + term;
}
