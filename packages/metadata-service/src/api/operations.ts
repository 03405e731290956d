// The service Operations: names and ids that are held while something of several commands is done, by whoever called for it.
import { OpError } from '@holdfast/base';
import { describeCaller, type Caller, type Handlers, type loadMetadataServices } from '@holdfast/rpc';
import { query } from '../state/query.ts';
import type { ApiLimits } from './api-limits.ts';
import { readPage } from './page.ts';
import type { StateAccess } from './state-access.ts';
import { toTimestamp, toWord } from './values.ts';

type Services = Awaited<ReturnType<typeof loadMetadataServices>>;

interface OperationRow {
  readonly key: string;
  readonly kind: string;
  readonly owner: string;
  readonly started_ms: number;
}
const operationsBehind = query<OperationRow>('SELECT * FROM operations WHERE key > ? ORDER BY key LIMIT ?');
/** Of an operation beside its texts. */
const roughBytes = 32;
/** Who may end what somebody began who is gone. */
const rulers: ReadonlySet<string> = new Set(['admin', 'operator']);

export function operationsHandlers(access: StateAccess, limits: ApiLimits): Handlers<Services['operationsService']> {
  return {
    begin: async ({ id, key, what }, { caller }) =>
      access.act<'beginOperation'>(id, {
        ...{ kind: 'beginOperation', key: toWord(key, 'key'), what: toWord(what, 'what') },
        ...{ owner: describeCaller(caller), atMs: access.wallMs },
      }),
    end: async ({ id, key: asked, owner }, { caller }) => {
      const key = toWord(asked, 'key');
      return access.act<'endOperation'>(id, { kind: 'endOperation', key, owner: ownerOf({ key, owner }, caller) });
    },
    list: async ({ isLocal, ...page }) => {
      const { value, revision } = await access.read(isLocal, (database) =>
        readPage<OperationRow>(page, {
          limits,
          behind: (key, limit) => database.all(operationsBehind, key, limit),
          idOf: ({ key }) => key,
          bytesOf: ({ key, kind, owner }) =>
            [key, kind, owner].reduce((sum, text) => sum + Buffer.byteLength(text), roughBytes),
        }),
      );
      const operations = value.rows.map(({ key, kind, owner, started_ms }) => {
        return { key, what: kind, owner, startTime: toTimestamp(started_ms) };
      });
      return { operations, nextPageToken: value.nextPageToken, revision };
    },
  };
}

function ownerOf({ key, owner }: { readonly key: string; readonly owner: string }, caller: Caller): string {
  const self = describeCaller(caller);
  if (owner === '' || owner === self) return self;
  const isRuler = caller.kind === 'certificate' && rulers.has(caller.identity.role);
  if (!isRuler) throw new OpError('OPERATION_NOT_OWNED', { key, owner });
  return owner;
}
