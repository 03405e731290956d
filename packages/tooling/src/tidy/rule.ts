// What a rule of the house is. The table of all rules is rules.ts; every rule has a fixture of its name that it fails on.
import type { Repository } from './repository.ts';

export interface Finding {
  readonly path: string;
  readonly line: number;
  /** What is wrong, in a few words; the rule adds what to do instead. */
  readonly message: string;
}

export interface Rule {
  /** kebab-case; also the name of its fixture. */
  readonly name: string;
  /** What is forbidden, as a sentence for the docs. */
  readonly forbids: string;
  /** What to do instead, as a clause that ends every message. */
  readonly instead: string;
  readonly check: (repository: Repository) => Iterable<Finding>;
}

export function formatFinding(rule: Rule, { path, line, message }: Finding): string {
  return `${path}:${line}: ${message}: ${rule.instead} [${rule.name}]`;
}

/** Every line that a repository breaks, sorted by place. */
export function judge(repository: Repository, rules: readonly Rule[]): string[] {
  const found = rules.flatMap((rule) => [...rule.check(repository)].map((finding) => ({ rule, finding })));
  const order = (a: Finding, b: Finding): number =>
    a.path === b.path ? a.line - b.line || compare(a.message, b.message) : compare(a.path, b.path);
  return found.toSorted((a, b) => order(a.finding, b.finding)).map(({ rule, finding }) => formatFinding(rule, finding));
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
