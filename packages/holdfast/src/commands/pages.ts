// Lists that come page by page, as far as a person asked for them.
import { OpError } from '@holdfast/base';
import type { Flag, FlagTable, System } from '@holdfast/cli';
import { showFlags } from './servers.ts';

const limitFlag = {
  value: 'N',
  summary: 'how many to list at most',
  unit: null,
  default: '1000',
} as const satisfies Flag;
export const listFlags = { ...showFlags, limit: limitFlag } as const satisfies FlagTable;

/** As many as the servers give at once. */
const pageMax = 1_000;
const listMax = 1_000_000;

interface Page<Row> {
  readonly rows: readonly Row[];
  readonly nextPageToken: string;
}

/** Page after page, and a word if there are more than were asked for. */
export async function listPages<Row>(
  { limit: text }: { readonly limit: string },
  system: System,
  read: (page: { readonly pageSize: bigint; readonly pageToken: string }) => Promise<Page<Row>>,
): Promise<Row[]> {
  const limit = readLimit(text);
  const rows: Row[] = [];
  let pageToken = '';
  do {
    const page = await read({ pageSize: BigInt(Math.min(pageMax, limit - rows.length)), pageToken });
    rows.push(...page.rows);
    pageToken = page.nextPageToken;
  } while (pageToken !== '' && rows.length < limit);
  if (pageToken !== '') system.remark(`there are more than ${limit}: --limit lists further ones`);
  return rows;
}

function readLimit(text: string): number {
  const limit = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= listMax) return limit;
  throw new OpError('FLAG_WRONG', { flag: '--limit', reason: `takes a number from 1 to ${listMax}` });
}
