// The virtual time's queue: a binary heap whose entries know their slot, so that a cancelled timer leaves at once and a
// timer that is set and cancelled a million times leaves nothing behind.

export interface HeapEvent {
  readonly atMs: number;
  /** Orders events of the same instant that belong to different lanes. */
  readonly tie: number;
  /** Orders the rest: first scheduled, first run. */
  readonly sequence: number;
  readonly run: () => void;
  /** Where the heap keeps it; -1 outside. */
  slot: number;
}

export class EventHeap {
  readonly #slots: HeapEvent[] = [];

  get size(): number {
    return this.#slots.length;
  }

  first(): HeapEvent | null {
    return this.#slots[0] ?? null;
  }

  add(event: HeapEvent): void {
    this.#slots.push(event);
    this.#rise(event, this.#slots.length - 1);
  }

  /** Removes an event; one that is not here is left alone. */
  remove(event: HeapEvent): void {
    const slot = event.slot;
    if (slot === -1) return;
    event.slot = -1;
    const last = this.#slots.pop();
    if (last === undefined || last === event) return;
    this.#rise(last, slot);
    this.#sink(last, last.slot);
  }

  #rise(event: HeapEvent, from: number): void {
    let slot = from;
    while (slot > 0) {
      const above = (slot - 1) >> 1;
      const parent = this.#slots[above];
      if (parent === undefined || !isBefore(event, parent)) break;
      this.#put(parent, slot);
      slot = above;
    }
    this.#put(event, slot);
  }

  #sink(event: HeapEvent, from: number): void {
    let slot = from;
    for (;;) {
      const left = this.#slots[2 * slot + 1];
      const right = this.#slots[2 * slot + 2];
      const child = right !== undefined && left !== undefined && isBefore(right, left) ? right : left;
      if (child === undefined || !isBefore(child, event)) break;
      const below = child.slot;
      this.#put(child, slot);
      slot = below;
    }
    this.#put(event, slot);
  }

  #put(event: HeapEvent, slot: number): void {
    this.#slots[slot] = event;
    event.slot = slot;
  }
}

function isBefore(left: HeapEvent, right: HeapEvent): boolean {
  if (left.atMs !== right.atMs) return left.atMs < right.atMs;
  if (left.tie !== right.tie) return left.tie < right.tie;
  return left.sequence < right.sequence;
}
