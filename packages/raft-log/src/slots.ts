// The faulty slots of a group: indexes that the group holds and whose entry cannot be read. Kept as ranges, because a lost
// chunk loses thousands of neighbours.

export interface SlotRange {
  readonly from: number;
  readonly to: number;
}

export class Slots {
  #ranges: SlotRange[] = [];

  get ranges(): readonly SlotRange[] {
    return this.#ranges;
  }

  has(index: number): boolean {
    return this.#ranges.some(({ from, to }) => from <= index && index <= to);
  }

  add(from: number, to: number): void {
    if (to < from) return;
    this.remove(from, to);
    const sorted = [...this.#ranges, { from, to }].sort((left, right) => left.from - right.from);
    this.#ranges = [];
    for (const range of sorted) {
      const last = this.#ranges.at(-1);
      if (last?.to === range.from - 1) this.#ranges[this.#ranges.length - 1] = { from: last.from, to: range.to };
      else this.#ranges.push(range);
    }
  }

  remove(from: number, to: number): void {
    this.#ranges = this.#ranges.flatMap((range) => {
      if (range.to < from || range.from > to) return [range];
      const left = { from: range.from, to: from - 1 };
      const right = { from: to + 1, to: range.to };
      return [left, right].filter((part) => part.from <= part.to);
    });
  }
}
