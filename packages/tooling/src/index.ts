// The public door of tooling: what bench files of other packages are written against.
export type { Bar, Bench, Report } from './bench/contract.ts';
export { median } from './bench/statistics.ts';
