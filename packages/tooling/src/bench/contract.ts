// What a bench file promises: `x.bench.ts` stands beside the source that it measures and default-exports a Bench. Several
// files may share a suite's name; `make bench NAME=suite` runs them all, each in a process of its own.

/** The number that a figure must not pass. */
export type Bar = { readonly atMost: number } | { readonly atLeast: number };

export interface Report {
  /** Records one figure; without a bar it is only recorded. The name is unique in its suite: kebab-case, no unit in it. */
  figure(name: string, value: number, unit: string, bar?: Bar): void;
}

export interface Bench {
  /** The suite, such as 'foundation'. */
  readonly name: string;
  run(report: Report): Promise<void> | void;
}
