// The service Audit: what people decided, as the state keeps it.
import { OpError } from '@holdfast/base';
import type { Handlers, loadMetadataServices } from '@holdfast/rpc';
import { query } from '../state/query.ts';
import type { ApiLimits } from './api-limits.ts';
import { readPage } from './page.ts';
import type { StateAccess } from './state-access.ts';
import { toNumber, toTimestamp } from './values.ts';

type Services = Awaited<ReturnType<typeof loadMetadataServices>>;

interface AuditRow {
  readonly revision: number;
  readonly at_ms: number;
  readonly who: string;
  readonly what: string;
}
const entriesBefore = query<AuditRow>('SELECT * FROM audit WHERE revision < ? ORDER BY revision DESC LIMIT ?');
/** Of an entry beside its texts. */
const roughBytes = 32;

export function auditHandlers(access: StateAccess, limits: ApiLimits): Handlers<Services['auditService']> {
  return {
    list: async ({ isLocal, ...page }) => {
      const { value, revision } = await access.read(isLocal, (database) =>
        readPage<AuditRow>(page, {
          limits,
          behind: (token, limit) => database.all(entriesBefore, revisionOf(token), limit),
          idOf: (row) => String(row.revision),
          bytesOf: ({ who, what }) => roughBytes + Buffer.byteLength(who) + Buffer.byteLength(what),
        }),
      );
      const entries = value.rows.map(({ revision: at, at_ms, who, what }) => {
        return { revision: BigInt(at), time: toTimestamp(at_ms), who, what };
      });
      return { entries, nextPageToken: value.nextPageToken, revision };
    },
  };
}

/** The newest is before every revision that there may be. */
function revisionOf(token: string): number {
  if (token === '') return Number.MAX_SAFE_INTEGER;
  if (/^\d{1,16}$/.test(token)) return toNumber(BigInt(token), 'page_token');
  throw new OpError('FIELD_OUT_OF_RANGE', { field: 'page_token', value: token });
}
