// docs/reference/tidy.md, from the table of rules and the plan of the house.
import { edges, soleImporters } from '../tidy/packages.ts';
import { rules } from '../tidy/rules.ts';

const head = `# The rules of the house

\`make tidy\` reads every file that git knows or would add and judges it by these rules; each rule has a
[fixture](../../packages/tooling/src/tidy/fixtures) that it fails on. A breach is one line: where, what, and what to use
instead. This page is generated from the table in \`packages/tooling/src/tidy/rules.ts\`.
`;

const cell = (text: string): string => text.replaceAll('|', '\\|');

export function formatTidyPage(): string {
  const ruleRows = rules.map(({ name, forbids, instead }) => `| ${name} | ${cell(forbids)} | ${cell(instead)} |`);
  const edgeRows = Object.entries(edges).map(([name, allowed]) => {
    const list = allowed === 'any' ? 'anything: it never ships' : allowed.map((edge) => `\`${edge}\``).join(', ');
    return `| \`${name}\` | ${list === '' ? 'nothing' : list} |`;
  });
  const ownerRows = Object.entries(soleImporters).map(([name, owner]) => `| \`${name}\` | \`${owner}\` |`);
  return [
    head,
    '| rule | forbids | instead |',
    '|---|---|---|',
    ...ruleRows,
    '',
    '## Who may import whom',
    '',
    '| package | may import |',
    '|---|---|',
    ...edgeRows,
    '',
    '## Modules with one importer',
    '',
    '| module | only in |',
    '|---|---|',
    ...ownerRows,
    '',
  ].join('\n');
}
