// Entries one behind the other as bytes. A log keeps a hundred thousand entries that hardly anybody asks for again: as objects, of which
// each is several, they are most of what the collector of garbage finds alive, moves and marks, while everything else waits for it.
import { invariant, type LogIndex } from '@holdfast/base';
import { entryOverheadBytes, type Entry, type EntryKind } from './entry.ts';
import { plus } from './ids.ts';

const kinds: readonly EntryKind[] = ['empty', 'command', 'configuration', 'version'];
/** What stands in the heads for each entry: its term, the place of its kind above, its proposal, and where its data ends. */
const headWords = 5;
/** In place of a session, where there is no proposal. */
const nobody = -1;

export class PackedEntries {
  readonly #first: LogIndex;
  readonly #heads: Float64Array;
  readonly #data: Uint8Array;

  /** They follow each other; nothing of them is held on to. */
  constructor(entries: readonly [Entry, ...Entry[]]) {
    this.#first = entries[0].index;
    this.#heads = new Float64Array(entries.length * headWords);
    this.#data = new Uint8Array(entries.reduce((sum, { data }) => sum + data.length, 0));
    let end = 0;
    for (const [at, { index, term, kind, proposal, data }] of entries.entries()) {
      invariant(index === this.#first + at, `entry ${index} is packed in place of ${this.#first + at}`);
      this.#data.set(data, end);
      end += data.length;
      const { session, sequence } = proposal ?? { session: nobody, sequence: 0 };
      this.#heads.set([term, kinds.indexOf(kind), session, sequence, end], at * headWords);
    }
  }

  termAt(index: LogIndex): Entry['term'] {
    return this.#word(index, 0) as Entry['term'];
  }

  get lastIndex(): LogIndex {
    return plus(this.#first, this.#heads.length / headWords - 1);
  }

  /** As `entryBytes` says of each of them. */
  bytesOf(from: LogIndex, to: LogIndex): number {
    return this.#endOf(to) - this.#beginOf(from) + (to - from + 1) * entryOverheadBytes;
  }

  entryAt(index: LogIndex): Entry {
    const kind = kinds[this.#word(index, 1)];
    invariant(kind !== undefined, `entry ${index} was packed with its kind`);
    const session = this.#word(index, 2);
    const proposal = session === nobody ? null : { session, sequence: this.#word(index, 3) };
    const data = this.#data.subarray(this.#beginOf(index), this.#endOf(index));
    return { index, term: this.termAt(index), kind, data, proposal };
  }

  #beginOf(index: LogIndex): number {
    return index === this.#first ? 0 : this.#endOf(plus(index, -1));
  }

  #endOf(index: LogIndex): number {
    return this.#word(index, 4);
  }

  #word(index: LogIndex, word: number): number {
    const value = this.#heads[(index - this.#first) * headWords + word];
    invariant(value !== undefined, `entry ${index} is none of those behind ${this.#first}`);
    return value;
  }
}
