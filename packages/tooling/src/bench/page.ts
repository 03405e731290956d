// docs/reference/benchmarks.md, written from the last result of every suite.
import { formatBar, formatValue, isShort } from './figure.ts';
import type { SuiteResult } from './results.ts';

const head = `# Benchmarks

What \`make bench\` measured, with the bar that each figure must not pass. \`make bench NAME=suite\` measures again;
\`make bench-report\` writes this page from the last run of every suite.
`;

export function formatPage(results: readonly SuiteResult[]): string {
  const sections = results.map(({ suite, machine, commit, date, figures }) => {
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
  });
  return [head, ...sections].join('\n');
}
