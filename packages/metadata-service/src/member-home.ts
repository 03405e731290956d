// The directory of a metadata server: raft's own files (host/initialise.ts), the database of the state, and the members as they were
// when this one began. Made once, by `init` for the first member, by `join` for each further one, and by `restore` (restore.ts).
import { join } from 'node:path';
import { isOpError, OpError, readContent, replaceContent, RealFiles, type Files } from '@holdfast/base';
import type { Clock, Random, Timers } from '@holdfast/base';
import { toGroupId, toMemberId, votersOnly, type MemberId } from '@holdfast/raft';
import type { JoinResponse } from '@holdfast/rpc';
import { initialise, prepare } from './host/initialise.ts';
import { readIdentity, type MemberIdentity } from './host/identity.ts';

/** The one group that there is; a process may hold more. */
export const metadataGroup = toGroupId(1);
export const founder = toMemberId(1);

export interface MemberPlace {
  readonly number: MemberId;
  readonly name: string;
  /** Where the other members reach it, as host:port. */
  readonly peerAddress: string;
  /** Where its API is served, as host:port. */
  readonly apiAddress: string;
}

/** Who the members were at a revision: what a server goes by until its own state is as far. */
export interface FirstMembers {
  readonly revision: number;
  readonly members: readonly MemberPlace[];
}

export interface HomeOptions {
  readonly directory: string;
  readonly cluster: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly files?: Files;
}

const membersFile = 'members.json';
const membersBytesMax = 64 * 1024;

export function statePath(directory: string): string {
  return join(directory, 'state.sqlite');
}

/** The first member, which is the whole group until others join. RAFT_MEMBER_EXISTS if the directory is one's already. */
export async function initialiseFirst(options: HomeOptions, place: Omit<MemberPlace, 'number'>): Promise<void> {
  const first = { revision: 0, members: [{ number: founder, ...place }] };
  await makeHome(options, { member: founder, isFounder: true, first });
}

/** A member that was admitted. */
export async function initialiseJoined(options: HomeOptions, member: MemberId, first: FirstMembers): Promise<void> {
  await makeHome(options, { member, isFounder: false, first });
}

/** What a server that joins was told. */
export function readAdmission({ member, members, revision }: JoinResponse): {
  readonly member: MemberId;
  readonly first: FirstMembers;
} {
  const places = members.map(({ number, name, peerAddress, apiAddress }): MemberPlace => {
    return { number: toMemberId(Number(number)), name, peerAddress, apiAddress };
  });
  return { member: toMemberId(Number(member)), first: { revision: Number(revision), members: places } };
}

/** Throws RAFT_MEMBER_EXISTS and RAFT_DIRECTORY_TAKEN: asked before anything is done elsewhere that could not be taken back. */
export function refuseExisting({ directory, files = new RealFiles() }: HomeOptions): void {
  const known = readIdentity(files, directory);
  if (known !== null) {
    throw new OpError('RAFT_MEMBER_EXISTS', { directory, member: known.member, cluster: known.cluster });
  }
  // Of a restore that was interrupted: another member's first start would take it for its own state.
  if (files.stat(statePath(directory)) !== null) throw new OpError('RAFT_DIRECTORY_TAKEN', { directory });
}

/**
 * What a directory needs before anybody is a member in it: a path that is wrong and a disk without room show here, and not when a token
 * is used up and the others count a member that there is not.
 */
export async function prepareHome(options: HomeOptions): Promise<void> {
  refuseExisting(options);
  await prepare({ ...options, groups: [{ group: metadataGroup, founders: null }] });
}

interface Beginning {
  readonly member: MemberId;
  readonly isFounder: boolean;
  readonly first: FirstMembers;
}

async function makeHome(options: HomeOptions, { member, isFounder, first }: Beginning): Promise<void> {
  const { directory, files = new RealFiles() } = options;
  refuseExisting(options);
  if (files.stat(directory) === null) files.mkdir(directory);
  // Before the identity, which says that all of it is there.
  writeFirstMembers(files, directory, first);
  const founders = isFounder ? votersOnly([member]) : null;
  await initialise({ ...options, self: member, groups: [{ group: metadataGroup, founders }] });
}

export function writeFirstMembers(files: Files, directory: string, first: FirstMembers): void {
  replaceContent(files, join(directory, membersFile), Buffer.from(`${JSON.stringify(first, null, 2)}\n`));
}

export interface Home {
  readonly identity: MemberIdentity;
  readonly first: FirstMembers;
}

/** RAFT_MEMBER_UNINITIALISED if nobody made it: an empty disk never passes for a member. */
export function readHome(files: Files, directory: string): Home {
  const identity = readIdentity(files, directory);
  if (identity === null) throw new OpError('RAFT_MEMBER_UNINITIALISED', { directory });
  return { identity, first: readFirstMembers(files, directory) };
}

/** Nobody, if the file is lost: a server whose state is not empty needs it no more. */
function readFirstMembers(files: Files, directory: string): FirstMembers {
  const content = readContent(files, join(directory, membersFile), membersBytesMax);
  if (content === null) return { revision: 0, members: [] };
  try {
    return JSON.parse(Buffer.from(content).toString()) as FirstMembers;
  } catch (error) {
    if (isOpError(error) || !(error instanceof SyntaxError)) throw error;
    throw new OpError('RAFT_IDENTITY_DAMAGED', { directory }, { cause: error });
  }
}
