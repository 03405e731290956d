// A source file with one text of it replaced: what the suites that break our own code, to see a test notice, are made of. The
// text stands in its file exactly once, so that a change whose place has moved fails instead of changing nothing.

export interface SourceChange {
  /** Where it is, from a folder that the list of changes names. */
  readonly file: string;
  readonly text: string;
  readonly replacement: string;
}

/** How often the text of the change stands in `source`. */
export function countIn(source: string, { text }: SourceChange): number {
  return source.split(text).length - 1;
}

export function changed(source: string, change: SourceChange): string {
  const count = countIn(source, change);
  if (count !== 1) throw new Error(`${change.file} holds ${count} times, and not once: ${change.text}`);
  return source.replace(change.text, () => change.replacement);
}
