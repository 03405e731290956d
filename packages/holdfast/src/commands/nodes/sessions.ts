// Sessions as the commands about nodes find them and tell of them.
import { formatDuration } from '@holdfast/base';
import type { LeaderConnection, System } from '@holdfast/cli';
import type { Node, NodeSession } from '@holdfast/rpc';
import { listPages } from '../pages.ts';
import type { Services } from '../servers.ts';

export interface OfNode {
  readonly node: Node;
  readonly session: NodeSession;
}

/** Every session of every node, a node's last one first. */
export async function readSessions(
  { client, timeoutMs }: LeaderConnection,
  { nodesService }: Services,
  { limit, system }: { readonly limit: string; readonly system: System },
): Promise<OfNode[]> {
  const nodes = await listPages({ limit }, system, async (page) => {
    const asked = { ...page, isLocal: false };
    const { nodes: rows, nextPageToken } = await client.ask(nodesService, 'list', asked, { timeoutMs });
    return { rows, nextPageToken };
  });
  return nodes.flatMap((node) => node.sessions.map((session) => ({ node, session })));
}

/** More than a cluster has. */
export const nodesLimit = '10000';

export function heardOf({ ended, silentMs }: NodeSession): string {
  if (ended !== '') return '';
  return silentMs === null ? 'not known' : `${formatDuration(wholeSeconds(silentMs))} ago`;
}

export function ttlOf({ ttlMs }: NodeSession): string {
  return formatDuration(Number(ttlMs));
}

/** Nobody can claim anything for it any more. */
export function isSettled({ ended, grants, uncertifiedPools }: NodeSession): boolean {
  return grants === 0n && (ended === '' || uncertifiedPools.length === 0);
}

export function stateOf({ node, session }: OfNode): string {
  const { ended, uncertifiedPools: pools } = session;
  const isLast = node.sessions[0] === session;
  if (ended === '') return isLast && node.statedOffBy !== '' ? `lives, stated off by ${node.statedOffBy}` : 'lives';
  return pools.length === 0
    ? `ended: ${ended}`
    : `ended: ${ended}, its certificate is waited for in ${pools.join(', ')}`;
}

function wholeSeconds(ms: bigint): number {
  return Math.floor(Number(ms) / 1000) * 1000;
}
