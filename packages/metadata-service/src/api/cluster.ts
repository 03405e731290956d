// The service Cluster: the group of metadata servers as whoever runs it sees it.
import { invariant, OpError, type Timers } from '@holdfast/base';
import { toMemberId, type MemberId } from '@holdfast/raft';
import {
  describeCaller,
  formatIdentity,
  parseIdentity,
  type CallContext,
  type DescribeResponse,
  type Handlers,
  type Leadership,
  type Member,
} from '@holdfast/rpc';
import type { loadMetadataServices } from '@holdfast/rpc';
import type { LeaderStatus } from '../leader/session-leader.ts';
import type { MemberPlace } from '../member-home.ts';
import type { Membership } from '../membership.ts';
import type { MetadataService } from '../service.ts';
import { hashBeside } from '../hash-beside.ts';
import { State } from '../state/state.ts';
import type { StateAccess } from './state-access.ts';
import { toNumber, toTimestamp, toWord } from './values.ts';

type Services = Awaited<ReturnType<typeof loadMetadataServices>>;

export interface ClusterParts {
  readonly service: Pick<
    MetadataService,
    'replica' | 'machine' | 'book' | 'backups' | 'sessions' | 'health' | 'release' | 'knownVersion'
  >;
  readonly access: StateAccess;
  readonly membership: Membership;
  readonly timers: Timers;
}

export function clusterHandlers({
  service,
  access,
  membership,
  timers,
}: ClusterParts): Handlers<Services['clusterService']> {
  return {
    openClient: async () => ({ client: BigInt(await access.openClient()) }),
    describe: async () => describeGroup(service),
    hash: async (_, call) => {
      const { applied, hash } = await hashBeside(service.machine, timers, call);
      return { revision: BigInt(applied), hash };
    },
    invite: async ({ name }, { caller }) => {
      const asked = toHolderName(toWord(name, 'name'), caller);
      access.requireLeader();
      const { token, endsMs } = await membership.invite(asked, describeCaller(caller));
      return { token, endTime: toTimestamp(endsMs) };
    },
    join: async ({ id, token, peerAddress, apiAddress }, call) => {
      const candidate = {
        name: nameOf(call),
        token: toWord(token, 'token'),
        peerAddress: toWord(peerAddress, 'peer_address'),
        apiAddress: toWord(apiAddress, 'api_address'),
      };
      access.requireLeader();
      const { member, members, revision } = await membership.join(candidate, async (admission) =>
        access.propose<'admitMember'>(id, { kind: 'admitMember', ...admission, atMs: access.wallMs }),
      );
      return {
        member: BigInt(member),
        members: members.map((place) => memberOf(service, place)),
        revision: BigInt(revision),
      };
    },
    promote: async ({ member }) => {
      access.requireLeader();
      await membership.promote(numberOf(member));
      return {};
    },
    remove: async ({ member }, { caller }) => {
      access.requireLeader();
      await membership.remove(numberOf(member), describeCaller(caller));
      return {};
    },
    transfer: async ({ member }) => {
      access.requireLeader();
      await membership.transfer(numberOf(member));
      return {};
    },
    async *backup(_, { signal }) {
      for await (const data of service.backups.make(signal)) yield { data };
    },
    finalize: async ({ version }) => {
      access.requireLeader();
      await membership.finalize(toNumber(version, 'version'));
      return {};
    },
  };
}

/** A name that no certificate can carry lets nobody in. */
function toHolderName(name: string, caller: CallContext['caller']): string {
  invariant(caller.kind === 'certificate', 'the access table lets only holders of certificates invite');
  const { cluster } = caller.identity;
  if (parseIdentity(formatIdentity({ cluster, role: 'metadata', name, node: null })) !== null) return name;
  throw new OpError('IDENTITY_INVALID', { field: 'name', value: JSON.stringify(name) });
}

/** Who joins is who the certificate says, whatever the request says. */
function nameOf({ caller }: CallContext): string {
  invariant(caller.kind === 'certificate', 'the access table lets only holders of certificates join');
  return caller.identity.name;
}

function numberOf(member: bigint): MemberId {
  if (member === 0n) throw new OpError('FIELD_MISSING', { field: 'member' });
  return toMemberId(toNumber(member, 'member'));
}

function describeGroup(service: ClusterParts['service']): DescribeResponse {
  const { replica, machine, book } = service;
  const { self, role, term, leader, commit, base, last, snapshotIndex } = replica.status;
  const { version, generation } = State.read(machine.database);
  return {
    member: BigInt(self),
    role: role === 'leader' ? 'LEADER' : role === 'follower' ? 'FOLLOWER' : 'CANDIDATE',
    term: BigInt(term),
    leader: BigInt(leader ?? 0),
    commit: BigInt(commit),
    applied: BigInt(machine.applied),
    first: BigInt(base.index + 1),
    last: BigInt(last.index),
    snapshot: BigInt(snapshotIndex),
    version: BigInt(version),
    generation: BigInt(generation),
    members: book.all().map((place) => memberOf(service, place)),
    knownVersion: BigInt(service.knownVersion),
    release: service.release,
    health: service.health,
    leadership: toLeadership(service.sessions.status),
  };
}

function toLeadership({ isLeading, isCounting, storm, ending }: LeaderStatus): Leadership | null {
  if (!isLeading) return null;
  const counts = storm === null ? null : { stopped: BigInt(storm.stopped), holders: BigInt(storm.holders) };
  return { isCounting, endingSessions: BigInt(ending), storm: counts };
}

function memberOf({ replica, knownVersion }: ClusterParts['service'], place: MemberPlace): Member {
  const { self, configuration, followers, last } = replica.status;
  const { number, name, peerAddress, apiAddress } = place;
  const follower = followers.find(({ member }) => member === number);
  const isSelfLeading = number === self && replica.status.role === 'leader';
  return {
    ...{ number: BigInt(number), name, peerAddress, apiAddress },
    kind: configuration.voters.includes(number)
      ? 'VOTER'
      : configuration.learners.includes(number)
        ? 'LEARNER'
        : 'ADMITTED',
    behind: isSelfLeading ? 0n : follower === undefined ? null : BigInt(Math.max(0, last.index - follower.match)),
    isActive: isSelfLeading ? true : (follower?.isActive ?? null),
    knownVersion: toVersion(isSelfLeading ? knownVersion : (follower?.version ?? null)),
  };
}

function toVersion(version: number | null): bigint | null {
  return version === null ? null : BigInt(version);
}
