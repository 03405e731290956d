// Operations that take several commands and must not run twice at once: a name or an id is held from the first to the last.
import { OpError } from '@holdfast/base';
import type { CommandOf } from './commands.ts';
import { change, insert, query } from './query.ts';
import { limitReached, type State } from './state.ts';
import { stateLimits } from './state-limits.ts';

interface OperationRow {
  readonly key: string;
  readonly kind: string;
  readonly owner: string;
  readonly started_ms: number;
}
const operationOn = query<OperationRow>('SELECT * FROM operations WHERE key = ?');
const countOperations = query<{ readonly count: number }>('SELECT COUNT(*) AS count FROM operations');
const insertOperation = insert<OperationRow>('operations', ['key', 'kind', 'owner', 'started_ms']);
const deleteOperation = change('DELETE FROM operations WHERE key = ?');

/** Its owner may begin it again: it does so when it takes up what a crash of its own interrupted. */
export function beginOperation(state: State, { key, what: kind, owner, atMs }: CommandOf<'beginOperation'>): object {
  const { database } = state;
  const under = database.get(operationOn, key);
  if (under?.owner === owner && under.kind === kind) return {};
  if (under !== null) throw new OpError('OPERATION_PENDING', { what: under.kind, key });
  const { operations: limit } = stateLimits;
  if ((database.get(countOperations)?.count ?? 0) >= limit) throw limitReached('operations', limit);
  database.insert(insertOperation, { key, kind, owner, started_ms: atMs });
  return {};
}

export function endOperation({ database }: State, { key, owner }: CommandOf<'endOperation'>): object {
  const under = database.get(operationOn, key);
  if (under !== null && under.owner !== owner) throw new OpError('OPERATION_NOT_OWNED', { key, owner: under.owner });
  database.run(deleteOperation, key);
  return {};
}
