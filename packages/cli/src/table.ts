// Tables for people: columns as wide as their widest cell, two spaces between, no frame, so that lines can be cut and
// grepped. And the choice between a table and a form for programs, which every command that lists offers as -o.
import type { Flag, System } from './command.ts';

export interface Column<Row> {
  readonly header: string;
  /** Shown only with -o wide. */
  readonly wide?: true;
  cell(row: Row): string;
}

export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const grid = [
    columns.map(({ header }) => header),
    ...rows.map((row) => columns.map((column) => column.cell(row) || '-')),
  ];
  const widths = columns.map((_, index) => Math.max(...grid.map((cells) => displayWidth(cells[index] ?? ''))));
  return grid.map((cells) =>
    cells
      .map((cell, index) => cell + ' '.repeat((widths[index] ?? 0) - displayWidth(cell)))
      .join('  ')
      .trimEnd(),
  );
}

const characters = new Intl.Segmenter();

/** What a reader takes for characters: an accent or a surrogate is not one more. */
function displayWidth(text: string): number {
  return Array.from(characters.segment(text)).length;
}

export const outputFlag = {
  value: 'FORMAT',
  summary: 'how to print: a table, a wide table, or a form for programs',
  unit: null,
  default: 'table',
  short: 'o',
  choices: ['table', 'wide', 'json', 'yaml'],
} as const satisfies Flag;

/** One thing to print, in the form that a person reads and in the form that a program reads. */
export interface Listing<Row> {
  readonly format: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** What json and yaml print. */
  readonly document: unknown;
}

export async function printListing<Row>(system: System, listing: Listing<Row>): Promise<void> {
  if (await printDocument(system, listing.format, listing.document)) return;
  const columns = listing.columns.filter(({ wide }) => wide !== true || listing.format === 'wide');
  for (const line of renderTable(columns, listing.rows)) system.print(line);
}

/** Prints `document` if a form for programs was asked for, and says whether it was. */
export async function printDocument(system: System, format: string, document: unknown): Promise<boolean> {
  if (format === 'json') {
    system.print(JSON.stringify(document, null, 2));
    return true;
  }
  if (format !== 'yaml') return false;
  // By the default export, which the bundle of the image keeps as well.
  const { default: yaml } = await import('yaml');
  system.print(yaml.stringify(document, { lineWidth: 0 }).trimEnd());
  return true;
}
