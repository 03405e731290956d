// The name that somebody probably meant: the nearest by edit distance, where a swap of neighbours counts as one edit.

/** The nearest of `names`, or null when none is near enough to be a slip of the fingers. */
export function nearest(word: string, names: Iterable<string>): string | null {
  let best: string | null = null;
  // Half of a short word wrong is another word.
  let bestDistance = word.length < 5 ? 2 : Math.max(3, Math.floor(word.length / 3) + 1);
  for (const name of names) {
    const distance = name.startsWith(word) && word.length > 1 ? 1 : editDistance(word, name);
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

/** What an error's text appends: a question that names it, or nothing. */
export function suggestion(word: string, names: Iterable<string>): string {
  const name = nearest(word, names);
  return name === null ? '' : `; did you mean ${name}?`;
}

/** Optimal string alignment: insertions, deletions, replacements and swaps of neighbours. */
export function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const cost = from[row - 1] === to[column - 1] ? 0 : 1;
      let distance = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + cost,
      );
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (row > 1 && column > 1 && swapped) distance = Math.min(distance, (beforePrevious[column - 2] ?? 0) + 1);
      current.push(distance);
    }
    [beforePrevious, previous] = [previous, current];
  }
  return previous[to.length] ?? 0;
}
