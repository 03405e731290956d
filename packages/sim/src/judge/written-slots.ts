// What each member's disk was told to hold, slot by slot and across all lives of its process: a slot that nobody can read any more has
// still a truth, which the members do not know, and the judge of a run's end must.
import type { Effects, MemberId, Recovered } from '@holdfast/raft';

type Write = NonNullable<Effects['write']>;
type Terms = readonly number[];

export class WrittenSlots {
  readonly #members = new Map<MemberId, MemberSlots>();

  onRecovered(member: MemberId, recovered: Recovered): void {
    this.#of(member).begin(recovered);
  }

  onStep(member: MemberId, { write }: Effects): void {
    if (write !== null) this.#of(member).pending.push(write);
  }

  onStored(member: MemberId, ticket: number): void {
    this.#of(member).acknowledge(ticket);
  }

  /**
   * Whether the two may have, or have had, the same entry in this slot: one index and one term are one entry. Where one was told
   * nothing, as behind a snapshot, nobody knows better.
   */
  mayHoldSame(one: MemberId, other: MemberId, index: number): boolean {
    const [terms, others] = [this.#of(one).termsAt(index), this.#of(other).termsAt(index)];
    return terms.length === 0 || others.length === 0 || terms.some((term) => others.includes(term));
  }

  #of(member: MemberId): MemberSlots {
    const known = this.#members.get(member);
    if (known !== undefined) return known;
    const slots = new MemberSlots();
    this.#members.set(member, slots);
    return slots;
  }
}

class MemberSlots {
  readonly pending: Write[] = [];
  /** By index. Several where a write was under way when the process died: it may have been carried out. */
  readonly #terms = new Map<number, Terms>();

  termsAt(index: number): Terms {
    return [...(this.#terms.get(index) ?? []), ...termsOf(this.pending, index)];
  }

  acknowledge(ticket: number): void {
    while ((this.pending[0]?.ticket ?? Infinity) <= ticket) {
      const write = this.pending.shift();
      if (write === undefined) return;
      if (write.snapshot !== null) this.#terms.clear();
      if (write.truncateAfter !== null) this.#cutAfter(write.truncateAfter);
      for (const { index, term } of [...write.entries, ...write.repairs]) this.#terms.set(index, [term]);
    }
  }

  /** What can be read tells what is there; in a slot that cannot be, there is what was. */
  begin({ snapshot, entries, faulty }: Recovered): void {
    for (const { index } of faulty) this.#terms.set(index, this.termsAt(index));
    this.pending.length = 0;
    this.#cutAfter(snapshot.index + entries.length + faulty.length);
    for (const { index, term } of entries) this.#terms.set(index, [term]);
  }

  #cutAfter(last: number): void {
    for (const index of this.#terms.keys()) if (index > last) this.#terms.delete(index);
  }
}

function termsOf(writes: readonly Write[], slot: number): number[] {
  const entries = writes.flatMap((write) => [...write.entries, ...write.repairs]);
  return entries.filter(({ index }) => index === slot).map(({ term }) => term);
}
