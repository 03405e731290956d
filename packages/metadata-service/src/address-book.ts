// Who the members are and where they are reached: by the state, or, until that is as far, by what this server was told when it began.
// And whether the other end of a connection is the member that it says it is: each is bound to the name in its certificate.
import { isOpError, OpError, type Clock } from '@holdfast/base';
import type { MemberId } from '@holdfast/raft';
import { holderOf, type CertificateKeeper } from '@holdfast/rpc';
import type { JudgePeer } from './host/host-options.ts';
import type { FirstMembers, MemberPlace } from './member-home.ts';
import type { MemberRow } from './state/entities.ts';
import type { MetadataMachine } from './state/machine.ts';
import { query } from './state/query.ts';

const memberNumbered = query<MemberRow>('SELECT * FROM members WHERE number = ?');
const firstMember = query<MemberRow>('SELECT * FROM members LIMIT 1');
const allMembers = query<MemberRow>('SELECT * FROM members ORDER BY number');

export class AddressBook {
  readonly #machine: MetadataMachine;
  readonly #first: FirstMembers;

  constructor(machine: MetadataMachine, first: FirstMembers) {
    this.#machine = machine;
    this.#first = first;
  }

  /** Whether the state says who the members are. */
  get isFounded(): boolean {
    return this.#machine.database.get(firstMember) !== null;
  }

  find(member: MemberId): MemberPlace | null {
    if (this.#isStateBehind()) return this.#first.members.find(({ number }) => number === member) ?? null;
    const row = this.#machine.database.get(memberNumbered, member);
    return row === null ? null : placeOf(row);
  }

  /** In the order of their numbers. */
  all(): readonly MemberPlace[] {
    if (this.#isStateBehind()) return this.#first.members;
    return this.#machine.database.all(allMembers).map(placeOf);
  }

  #isStateBehind(): boolean {
    return this.#machine.applied < this.#first.revision || !this.isFounded;
  }
}

function placeOf({ number, name, peer_address, api_address }: MemberRow): MemberPlace {
  return { number: number as MemberId, name, peerAddress: peer_address, apiAddress: api_address };
}

export function peerJudge(book: AddressBook, keeper: CertificateKeeper, clock: Clock): JudgePeer {
  return (member, certificate) => {
    const expected = book.find(member);
    if (expected === null) return new OpError('RAFT_PEER_UNKNOWN', { member });
    try {
      const { role, name } = holderOf(certificate, keeper.current, clock.wallMs());
      if (role === 'metadata' && name === expected.name) return null;
      return new OpError('RAFT_PEER_MISTAKEN', { member, found: `${role}/${name}`, name: expected.name });
    } catch (error) {
      if (!isOpError(error)) throw error;
      return error;
    }
  };
}
