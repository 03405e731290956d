// The service Nodes: who is heard, what is waited for, and a person's word on a machine that nobody hears (F5).
import { describeCaller, type Handlers, type loadMetadataServices, type Node, type NodeSession } from '@holdfast/rpc';
import type { SessionLeader } from '../leader/session-leader.ts';
import type { StateDatabase } from '../state/database.ts';
import type { NodeRow, SessionRow } from '../state/entities.ts';
import type { MetadataMachine } from '../state/machine.ts';
import { query } from '../state/query.ts';
import type { ApiLimits } from './api-limits.ts';
import { readPage } from './page.ts';
import type { StateAccess } from './state-access.ts';
import { toWord } from './values.ts';

type Services = Awaited<ReturnType<typeof loadMetadataServices>>;

const nodesBehind = query<NodeRow>('SELECT * FROM nodes WHERE name > ? ORDER BY name LIMIT ?');
/** Those of which nothing is left to prove are forgotten with the next registration but one. */
const sessionsOf = query<SessionRow>(
  'SELECT * FROM sessions WHERE node = ? ORDER BY generation DESC, incarnation DESC LIMIT ?',
);
const countGrants = query<{ readonly count: number }>('SELECT COUNT(*) AS count FROM grants WHERE session = ?');
const uncertifiedPools = query<{ readonly pool: string }>(`
  SELECT pool FROM session_pools WHERE session = ? AND ended_revision IS NOT NULL AND certificate IS NULL ORDER BY pool
`);
/** A node whose sessions all wait for a person has registered as often. */
const sessionsMax = 64;
/** Of a node beside its name, and of each of its sessions. */
const roughBytes = 128;

export interface NodesParts {
  readonly access: StateAccess;
  readonly limits: ApiLimits;
  readonly sessions: SessionLeader;
  readonly machine: Pick<MetadataMachine, 'database'>;
}

export function nodesHandlers({ access, limits, sessions, machine }: NodesParts): Handlers<Services['nodesService']> {
  return {
    list: async ({ isLocal, ...page }) => {
      const { value, revision } = await access.read(isLocal, (database) =>
        readPage<Node>(page, {
          limits,
          behind: (name, limit) => database.all(nodesBehind, name, limit).map((row) => nodeOf(database, row, sessions)),
          idOf: ({ name }) => name,
          bytesOf: ({ sessions: all }) => roughBytes * (1 + all.length),
        }),
      );
      return { nodes: value.rows, nextPageToken: value.nextPageToken, revision };
    },
    // A taint of ours says only that we fenced the node (F12); who calls this says more.
    stateOff: async ({ id, node }, { caller }) =>
      access.act<'statePoweredOff'>(id, {
        ...{ kind: 'statePoweredOff', node: toWord(node, 'node'), by: describeCaller(caller), isOwnTaint: false },
        atMs: access.wallMs,
      }),
    setTaint: async ({ id, node, isForeignAttached }) => {
      const said = { kind: 'taintNode', node: toWord(node, 'node'), isForeignAttached } as const;
      const { certificate } = await access.propose<'taintNode'>(id, said);
      return { certificate: BigInt(certificate) };
    },
    clearTaint: async ({ id, node }) =>
      access.act<'clearTaint'>(id, { kind: 'clearTaint', node: toWord(node, 'node') }),
    forget: async ({ id, node }, { caller }) =>
      access.act<'forgetNode'>(id, {
        ...{ kind: 'forgetNode', node: toWord(node, 'node'), by: describeCaller(caller), atMs: access.wallMs },
      }),
    overrideSession: async ({ session: asked }, { caller }) => {
      const session = toWord(asked, 'session');
      access.requireLeader();
      const said = { session, by: describeCaller(caller), atMs: access.wallMs };
      // Term 0: a person's word holds in every term.
      await sessions.carryOut<'endSession'>({ kind: 'endSession', ...said, reason: 'override', term: 0 });
      const evidence = { readBacks: [], waitedInTerm: null };
      for (const { pool } of machine.database.all(uncertifiedPools, session)) {
        await sessions.carryOut<'certifySession'>({ kind: 'certifySession', ...said, pool, as: 'override', evidence });
      }
      return {};
    },
  };
}

function nodeOf(database: StateDatabase, row: NodeRow, leader: SessionLeader): Node {
  const isStatedOff = row.off_incarnation !== null && row.off_incarnation >= row.incarnation;
  const sessions = database.all(sessionsOf, row.name, sessionsMax).map((session): NodeSession => {
    const silentMs = session.ended === null ? leader.silentMs(session.id) : null;
    return {
      ...{ id: session.id, ended: session.ended ?? '', ttlMs: BigInt(session.ttl_ms) },
      grants: BigInt(database.get(countGrants, session.id)?.count ?? 0),
      uncertifiedPools: database.all(uncertifiedPools, session.id).map(({ pool }) => pool),
      silentMs: silentMs === null ? null : BigInt(Math.max(0, Math.round(silentMs))),
    };
  });
  const taintCertificate = row.taint === null ? null : BigInt(row.taint);
  return { name: row.name, sessions, statedOffBy: isStatedOff ? (row.off_by ?? '') : '', taintCertificate };
}
