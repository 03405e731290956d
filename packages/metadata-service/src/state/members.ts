// The members of the group as the state knows them: who each is by its certificate's name, and where it is reached. Who votes is
// raft's own configuration. A member is admitted by a token that an administrator asked for; what is kept of the token is
// its hash, and it is used up with the admission, whatever becomes of it: a disk that was lost must never come back under
// the number that it had (identity.ts).
import { OpError } from '@holdfast/base';
import type { CommandOf, ResultOf } from './commands.ts';
import type { InvitationRow, MemberRow } from './entities.ts';
import { change, insert, query } from './query.ts';
import { limitReached, type State } from './state.ts';
import { stateLimits } from './state-limits.ts';

const memberNumbered = query<MemberRow>('SELECT * FROM members WHERE number = ?');
const memberNamed = query<MemberRow>('SELECT * FROM members WHERE name = ?');
const countMembers = query<{ readonly count: number }>('SELECT COUNT(*) AS count FROM members');
const insertMember = insert<MemberRow>('members', ['number', 'name', 'peer_address', 'api_address']);
const deleteMember = change('DELETE FROM members WHERE number = ?');
const invitationOf = query<InvitationRow>('SELECT * FROM invitations WHERE name = ?');
const countInvitations = query<{ readonly count: number }>('SELECT COUNT(*) AS count FROM invitations');
const insertInvitation = insert<InvitationRow>('invitations', ['name', 'token_hash', 'ends_ms']);
const deleteInvitation = change('DELETE FROM invitations WHERE name = ?');
const firstEnded = query<InvitationRow>('SELECT * FROM invitations WHERE ends_ms <= ? LIMIT 1');
const deleteMembers = change('DELETE FROM members');
const deleteInvitations = change('DELETE FROM invitations');
const deleteEnded = change('DELETE FROM invitations WHERE ends_ms <= ?');

/** The first member says who it is; it was there before anybody could be asked. Said again, it changes nothing. */
export function foundMember(state: State, command: CommandOf<'foundMember'>): object {
  const { database, cluster } = state;
  const { name, peerAddress: peer_address, apiAddress: api_address } = command;
  if (cluster.members > 0) {
    const known = database.get(memberNamed, name);
    if (known?.peer_address === peer_address && known.api_address === api_address) return {};
    throw new OpError('MEMBER_EXISTS', { name: known?.name ?? 'that founded the cluster' });
  }
  database.insert(insertMember, { number: ++cluster.members, name, peer_address, api_address });
  state.note('member', name);
  return {};
}

/** A second invitation of the same name takes the place of the first. */
export function inviteMember(state: State, command: CommandOf<'inviteMember'>): object {
  const { database } = state;
  const { name, tokenHash: token_hash, endsMs: ends_ms, by, atMs } = command;
  if (database.get(memberNamed, name) !== null) throw new OpError('MEMBER_EXISTS', { name });
  const { invitations: limit } = stateLimits;
  const isFull = (database.get(countInvitations)?.count ?? 0) >= limit;
  if (isFull && database.get(invitationOf, name) === null && database.get(firstEnded, atMs) === null) {
    throw limitReached('invitations', limit);
  }
  database.run(deleteEnded, atMs);
  database.run(deleteInvitation, name);
  database.insert(insertInvitation, { name, token_hash, ends_ms });
  state.audit(atMs, by, `invited the metadata server ${name}`);
  return {};
}

export function admitMember(state: State, command: CommandOf<'admitMember'>): ResultOf<'admitMember'> {
  const { database, cluster } = state;
  const { name, tokenHash, peerAddress: peer_address, apiAddress: api_address, atMs } = command;
  // Else it would get the founder's number.
  if (cluster.members === 0) throw new OpError('MEMBER_NOT_FOUND', { name: 'that founded the cluster' });
  if (database.get(memberNamed, name) !== null) throw new OpError('MEMBER_EXISTS', { name });
  const invitation = database.get(invitationOf, name);
  const isMeant = invitation !== null && Buffer.compare(invitation.token_hash, tokenHash) === 0;
  if (!isMeant || invitation.ends_ms <= atMs) throw new OpError('MEMBER_TOKEN_REFUSED', { name });
  const { members: limit } = stateLimits;
  if ((database.get(countMembers)?.count ?? 0) >= limit) throw limitReached('metadata servers', limit);
  database.run(deleteInvitation, name);
  const number = ++cluster.members;
  database.insert(insertMember, { number, name, peer_address, api_address });
  state.audit(atMs, name, `joined as the metadata server ${number}`);
  state.note('member', name);
  return { member: number };
}

/** When the group has let go of it. */
export function forgetMember(state: State, { member, by, atMs }: CommandOf<'forgetMember'>): object {
  const known = state.database.get(memberNumbered, member);
  if (known === null) return {};
  state.database.run(deleteMember, member);
  state.audit(atMs, by, `removed the metadata server ${known.name}`);
  state.note('member', known.name, true);
  return {};
}

/** The group of before is gone with its tokens, and nobody of it is known here. */
export function replaceMembers(
  state: State,
  founder: Omit<CommandOf<'foundMember'>, 'kind'> & { member: number },
): void {
  const { database, cluster } = state;
  const { member: number, name, peerAddress: peer_address, apiAddress: api_address } = founder;
  database.run(deleteMembers);
  database.run(deleteInvitations);
  database.insert(insertMember, { number, name, peer_address, api_address });
  cluster.members = number;
}
