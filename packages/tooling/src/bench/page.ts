// docs/reference/benchmarks.md: the last result of every suite. Some take long or need a machine of their own, so what was not measured
// in this checkout stays as the page has it; each section says of which commit and machine it is.
import { formatBar, formatValue, isShort } from './figure.ts';
import type { SuiteResult } from './results.ts';

const head = `# Benchmarks

What \`make bench\` measured, with the bar that each figure must not pass. \`make bench NAME=suite\` measures again;
\`make bench-report\` writes what was measured in a checkout to this page.
`;

export interface PageParts {
  /** Of all that there are. */
  readonly suites: readonly string[];
  readonly results: readonly SuiteResult[];
  /** The page as it stands. */
  readonly earlier: string;
}

export function formatPage({ suites, results, earlier }: PageParts): string {
  const sections = sectionsOf(earlier);
  for (const result of results) sections.set(result.suite, formatSection(result));
  const missing = suites.filter((suite) => !sections.has(suite));
  const rest = missing.length === 0 ? [] : [`Not measured yet: ${missing.join(', ')}.\n`];
  return [head, ...suites.flatMap((suite) => sections.get(suite) ?? []), ...rest].join('\n');
}

/** Suite name → its part of the page, from its heading to the next one. */
function sectionsOf(page: string): Map<string, string> {
  const sections = new Map<string, string>();
  for (const text of page.split(/^(?=## )/m)) {
    const suite = /^## (.+)\n/.exec(text)?.[1];
    if (suite !== undefined) sections.set(suite, `${text.replace(/\nNot measured yet: .*\n$/, '').trimEnd()}\n`);
  }
  return sections;
}

function formatSection({ suite, machine, commit, date, figures }: SuiteResult): string {
  const rows = figures.map((figure) => {
    const bar = figure.bar === null ? '' : formatBar(figure.bar).replace('<=', '≤ ').replace('>=', '≥ ');
    return `| ${figure.name} | ${formatValue(figure.value)} | ${figure.unit} | ${bar} | ${isShort(figure) ? 'short' : 'ok'} |`;
  });
  return [
    `## ${suite}`,
    '',
    `Commit ${commit} of ${date}, on ${machine}.`,
    '',
    '| figure | value | unit | bar | |',
    '|---|--:|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
