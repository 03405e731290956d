// What the commands about the group share: what each server says of it, and members by their names.
import { OpError, toOpError } from '@holdfast/base';
import type { Connections, LeaderConnection } from '@holdfast/cli';
import type { DescribeResponse, Member } from '@holdfast/rpc';

export const memberParameter = {
  name: 'NAME',
  summary: "the server's name, as its certificate has it",
  required: true,
} as const;

export type Described = { readonly address: string } & (
  { readonly group: DescribeResponse; readonly error: null } | { readonly group: null; readonly error: OpError }
);

/** One that does not answer is an answer too. */
export async function describeEach({ servers, timeoutMs }: Connections): Promise<Described[]> {
  const { loadMetadataServices } = await import('@holdfast/rpc');
  const { clusterService } = await loadMetadataServices();
  return Promise.all(
    servers.map(async ({ address, channel }): Promise<Described> => {
      try {
        return { address, group: await channel.calls(clusterService).describe({}, { timeoutMs }), error: null };
      } catch (error) {
        return { address, group: null, error: toOpError(error) };
      }
    }),
  );
}

/** The group as a server sees it that answers. */
export async function describeGroup({ client, timeoutMs }: LeaderConnection): Promise<DescribeResponse> {
  const { loadMetadataServices } = await import('@holdfast/rpc');
  const { clusterService } = await loadMetadataServices();
  return client.ask(clusterService, 'describe', {}, { timeoutMs });
}

export async function findMember(connection: LeaderConnection, name: string | null): Promise<Member> {
  const { members } = await describeGroup(connection);
  const found = members.find((member) => member.name === name);
  if (found === undefined) throw new OpError('MEMBER_NOT_FOUND', { name: name ?? '' });
  return found;
}

/** One reason for all is told as it is, with its own code; different ones as a count. */
export function summarise(failures: readonly OpError[], total: number): OpError {
  const [first] = failures;
  const isOne = failures.every(({ code }) => code === first?.code);
  if (first !== undefined && failures.length === total && isOne) return first;
  return new OpError('STATUS_INCOMPLETE', { failed: failures.length, total, reason: first?.message ?? '' });
}

export function kindOf({ kind }: Member): string {
  return String(kind).toLowerCase();
}
