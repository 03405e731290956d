// Leaves out of a list whatever is not needed for something to go on failing: halves first, single items last, until none of
// those that are left can go alone. A pure search over a predicate; the order of the items stays.

export interface Search<Item> {
  readonly items: readonly Item[];
  /** Whether it fails in the same way with these alone. It does with all of them. */
  readonly fails: (items: readonly Item[]) => Promise<boolean>;
  /** Asked before each trial: what was found so far is the answer then. */
  readonly isOver?: () => boolean;
}

export async function shrink<Item>({ items, fails, isOver = () => false }: Search<Item>): Promise<readonly Item[]> {
  let kept = items;
  for (let size = Math.ceil(kept.length / 2); size >= 1;) {
    const before = kept.length;
    for (let start = 0; start < kept.length;) {
      if (isOver()) return kept;
      const rest = kept.toSpliced(start, size);
      if (await fails(rest)) kept = rest;
      else start += size;
    }
    // What could not go may be able to, since others went.
    if (size > 1) size = Math.ceil(size / 2);
    else if (kept.length === before) break;
  }
  return kept;
}
