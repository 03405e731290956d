// The public door of tooling: what bench files of other packages, and the suites that break our own code, are written against.
export type { Bar, Bench, Report } from './bench/contract.ts';
export { median, quantile } from './bench/statistics.ts';
export { changed, countIn, type SourceChange } from './source-change.ts';
