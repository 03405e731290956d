// What a search for planted bugs came to: as columns for a terminal, and as the page docs/reference/planted-bugs.md.
import type { Column } from '@holdfast/cli';
import { median } from '@holdfast/tooling';
import { harmlessMistakes } from './harmless-mistakes.ts';
import type { Found } from './search.ts';

export const foundColumns: readonly Column<Found>[] = [
  { header: 'BUG', cell: ({ bug }) => bug.name },
  { header: 'SCENARIO', cell: ({ bug }) => bug.scenario },
  { header: 'SEEDS', cell: ({ seeds, finding }) => (finding === null ? `not in ${seeds}` : String(seeds)) },
  { header: 'RULE', cell: ({ finding }) => finding?.rule ?? '' },
  { header: 'WHAT', cell: ({ bug }) => bug.what },
];

export function summaryOf(found: readonly Found[]): string {
  const count = found.filter(({ finding }) => finding !== null).length;
  const seeds = found.map((one) => one.seeds);
  return `${count} of ${found.length} found, median ${median(seeds)} seeds, worst ${Math.max(...seeds)}`;
}

export function renderPlantedPage(found: readonly Found[]): string {
  return [
    '# Planted bugs',
    '',
    '<!-- Written by `holdfast-sim planted --out docs/reference/planted-bugs.md`. -->',
    '',
    'Each row is one line of our own code made as wrong as it once was in some real system, by a hook that changes the text as',
    'Node loads the file; nothing in the code knows of it. The simulator has to find each of them: it ran seed 1, 2, 3, … until a',
    'promise was broken, and the rule says which. [How the simulator works](../explanation/simulator.md)',
    '',
    `${summaryOf(found)}.`,
    '',
    '| bug | what is wrong | where | scenario | seeds | rule that broke |',
    '|---|---|---|---|---|---|',
    ...found.map(({ bug, seeds, finding }) => {
      const count = finding === null ? `not in ${seeds}` : seeds;
      return `| ${bug.name} | ${bug.what} | \`${bug.file}\` | ${bug.scenario} | ${count} | ${finding?.rule ?? '-'} |`;
    }),
    '',
    '## Mistakes that do no harm',
    '',
    'Behind these checks stands another one, so they are not planted. Tests of raft and raft-log hold those of theirs.',
    '',
    ...harmlessMistakes.map(({ what, file, why }) => `- ${what} (\`${file}\`) ${why}`),
    '',
  ].join('\n');
}
