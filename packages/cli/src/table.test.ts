import { expect, test } from '@jest/globals';
import { printListing, renderTable, type Column } from './table.ts';
import { recordingSystem } from './testing.ts';

interface Server {
  readonly name: string;
  readonly health: string;
}
const columns: readonly Column<Server>[] = [
  { header: 'NAME', cell: ({ name }) => name },
  { header: 'HEALTH', wide: true, cell: ({ health }) => health },
];
const rows = [
  { name: 'm1', health: 'serving' },
  { name: 'größer', health: '' },
];

test('columns are as wide as their widest cell and an empty cell is a dash', () => {
  expect(renderTable(columns, rows)).toEqual(['NAME    HEALTH', 'm1      serving', 'größer  -']);
});

test('-o chooses between a table, a wide one, JSON and YAML', async () => {
  const printed = async (format: string): Promise<string> => {
    const { system, lines } = recordingSystem();
    await printListing(system, { format, columns, rows, document: { servers: rows } });
    return lines.join('\n');
  };
  expect(await printed('table')).toBe('NAME\nm1\ngrößer');
  expect(await printed('wide')).toBe('NAME    HEALTH\nm1      serving\ngrößer  -');
  expect(JSON.parse(await printed('json'))).toEqual({ servers: rows });
  expect(await printed('yaml')).toBe('servers:\n  - name: m1\n    health: serving\n  - name: größer\n    health: ""');
});
