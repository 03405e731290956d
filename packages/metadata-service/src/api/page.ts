// Lists by pages, in the order of an id: a page begins behind the last id of the one before, so that what comes and goes meanwhile
// neither hides nor doubles anything else.
import { OpError } from '@holdfast/base';
import type { ApiLimits } from './api-limits.ts';
import { toNumber } from './values.ts';

export interface PageRequest {
  readonly pageSize: bigint;
  readonly pageToken: string;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly nextPageToken: string;
}

interface PageSource<Row> {
  readonly limits: ApiLimits;
  /** Rows behind an id, in the order of their ids, `limit` at most. */
  readonly behind: (id: string, limit: number) => readonly Row[];
  readonly idOf: (row: Row) => string;
  readonly bytesOf: (row: Row) => number;
}

/** How many items a page has at most. */
export function pageSizeOf(
  pageSize: bigint,
  { pageItemsDefault, pageItemsMax }: Pick<ApiLimits, 'pageItemsDefault' | 'pageItemsMax'>,
): number {
  const asked = toNumber(pageSize, 'page_size');
  if (asked > pageItemsMax) throw new OpError('PAGE_TOO_LARGE', { asked, limit: pageItemsMax });
  return asked === 0 ? pageItemsDefault : asked;
}

export function readPage<Row>({ pageSize, pageToken }: PageRequest, source: PageSource<Row>): Page<Row> {
  const { pageBytesMax } = source.limits;
  const limit = pageSizeOf(pageSize, source.limits);
  // One more, to know whether there is one.
  const found = source.behind(pageToken, limit + 1);
  const rows: Row[] = [];
  let bytes = 0;
  for (const row of found) {
    bytes += source.bytesOf(row);
    if (rows.length === limit || (bytes > pageBytesMax && rows.length > 0)) break;
    rows.push(row);
  }
  const last = rows.at(-1);
  const isMore = rows.length < found.length && last !== undefined;
  return { rows, nextPageToken: isMore ? source.idOf(last) : '' };
}
