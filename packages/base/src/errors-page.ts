// The page docs/reference/errors.md, from the error table. Each code has an anchor of its own, so that a hint, an Event or a
// person can point at it; the order is the code's, so that a page made twice is the same twice.
import { errorTable, type ErrorKind, type ErrorRow } from './error-table.ts';

const kindMeanings: Record<ErrorKind, string> = {
  invalid: 'the request is wrong whatever the state is',
  'out-of-range': 'the request asks for what lies outside of the limits',
  'not-found': 'the thing does not exist',
  exists: 'the thing exists already, and is different',
  precondition: 'the state does not allow it; retrying alone does not help',
  aborted: 'another operation is under way or won; retry from the start',
  exhausted: 'a limit, a quota or a disk is full',
  unavailable: 'the same request may succeed later',
  timeout: 'the time was up before the end was known',
  cancelled: 'whoever asked has given up',
  unauthenticated: 'nobody knows who asks',
  denied: 'who asks may not do this',
  unsupported: 'this build or this machine cannot do it',
  'data-loss': 'stored data is damaged',
  internal: 'a defect',
};

export function renderErrorsPage(): string {
  const rows = Object.entries<ErrorRow>(errorTable).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    '# Errors',
    '',
    '<!-- Made from packages/base/src/error-table.ts by `make generate`; edit the table. -->',
    '',
    'Whatever fails says one line: what happened, a code in brackets, and what you can do. A code keeps its meaning for ever;',
    'scripts and alerts may rely on it. "Retry" says whether the same request, unchanged, may succeed.',
    '',
    '## Kinds',
    '',
    '| kind | meaning |',
    '|---|---|',
    ...Object.entries(kindMeanings).map(([kind, meaning]) => `| ${kind} | ${meaning} |`),
    '',
    '## Codes',
    ...rows.flatMap(([code, row]) => renderRow(code, row)),
    '',
  ].join('\n');
}

function renderRow(code: string, row: ErrorRow): string[] {
  return [
    '',
    `### ${code}`,
    '',
    `\`${row.text}\``,
    '',
    `Kind ${row.kind}; retry: ${row.retriable ? 'yes' : 'no'}. ${row.hint}`,
  ];
}
