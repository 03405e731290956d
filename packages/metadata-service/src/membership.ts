// How the group changes, at the member that leads it: tokens, who joins by one, votes, farewells, the cluster version. What the state knows of a member and
// what raft knows of it are two steps each; they are in the order in which a crash between them leaves something that the same
// request, or `remove`, puts right.
import { createHash } from 'node:crypto';
import { OpError, type Clock, type Random } from '@holdfast/base';
import { membersOf, toMemberId, type ConfigurationChange, type MemberId } from '@holdfast/raft';
import type { AddressBook } from './address-book.ts';
import type { Replica } from './host/host-options.ts';
import { successorOf } from './host/replica-host.ts';
import type { Proposer } from './leader/proposer.ts';
import type { FirstMembers, MemberPlace } from './member-home.ts';
import type { MetadataMachine } from './state/machine.ts';

export interface MembershipParts {
  readonly replica: Replica;
  readonly machine: Pick<MetadataMachine, 'applied'>;
  readonly book: AddressBook;
  readonly proposer: Proposer;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Invitation {
  readonly token: string;
  readonly endsMs: number;
}

export interface Candidate extends Omit<MemberPlace, 'number'> {
  readonly token: string;
}

/** Admits in the log: by the command of the caller, so that asking again admits once. */
export type Admit = (admission: {
  readonly name: string;
  readonly tokenHash: Uint8Array;
  readonly peerAddress: string;
  readonly apiAddress: string;
}) => Promise<{ readonly member: number }>;

const tokenLifeMs = 15 * 60_000;
const tokenBytes = 24;

export class Membership {
  readonly #parts: MembershipParts;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
  }

  async invite(name: string, by: string): Promise<Invitation> {
    const { proposer, clock, random } = this.#parts;
    const token = Buffer.from(random.bytes(tokenBytes)).toString('hex');
    const atMs = clock.wallMs();
    const endsMs = atMs + tokenLifeMs;
    await proposer.propose<'inviteMember'>({ kind: 'inviteMember', name, tokenHash: hashOf(token), endsMs, by, atMs });
    return { token, endsMs };
  }

  /** It learns from here on. Its number is told with everybody whom it has to know. */
  async join({ token, name, ...addresses }: Candidate, admit: Admit): Promise<FirstMembers & { member: MemberId }> {
    const { member: number } = await admit({ name, tokenHash: hashOf(token), ...addresses });
    const member = toMemberId(number);
    if (!this.#isIn(member)) await this.#change({ kind: 'add-learner', member });
    const { machine, book } = this.#parts;
    return { member, revision: machine.applied, members: book.all() };
  }

  async promote(member: MemberId): Promise<void> {
    const { name } = this.#find(member);
    const { configuration, followers } = this.#parts.replica.status;
    if (configuration.voters.includes(member)) return;
    const learner = followers.find((each) => each.member === member);
    if (learner?.isActive !== true || learner.match === 0) throw new OpError('MEMBER_NOT_HEARD', { name });
    await this.#change({ kind: 'promote', member });
  }

  /** The leader is not removed: it hands over, and the next one is asked. */
  async remove(member: MemberId, by: string): Promise<void> {
    const { replica, proposer, clock } = this.#parts;
    if (this.#isIn(member)) {
      if (member === replica.status.self) await this.#handOver();
      await this.#change({ kind: 'remove', member });
    }
    await proposer.propose<'forgetMember'>({ kind: 'forgetMember', member, by, atMs: clock.wallMs() });
  }

  /** For ever. Each member is heard: one that went back to an older release unheard would be shut out. */
  async finalize(version: number): Promise<void> {
    const { replica } = this.#parts;
    const { configuration, followers, self, version: current } = replica.status;
    if (version === current) return;
    for (const member of membersOf(configuration).filter((each) => each !== self)) {
      const { name } = this.#find(member);
      const follower = followers.find((each) => each.member === member);
      if (follower?.isActive !== true) throw new OpError('MEMBER_NOT_HEARD', { name });
      const known = follower.version ?? 0;
      if (known < version) throw new OpError('RAFT_VERSION_UNANNOUNCED', { member: name, known, version });
    }
    await replica.raiseVersion(version);
  }

  async transfer(member: MemberId): Promise<void> {
    const { replica } = this.#parts;
    this.#find(member);
    if (replica.status.self !== member) await replica.transfer(member);
  }

  async #handOver(): Promise<never> {
    const { replica } = this.#parts;
    const to = successorOf(replica.status);
    if (to === null) {
      const reason = 'the member that leads has nobody to hand over to';
      throw new OpError('RAFT_CHANGE_INVALID', { reason });
    }
    await replica.transfer(to);
    throw new OpError('RAFT_LEADER_CHANGED', {});
  }

  async #change(change: ConfigurationChange): Promise<void> {
    await this.#parts.replica.changeConfiguration([change]);
  }

  #isIn(member: MemberId): boolean {
    return membersOf(this.#parts.replica.status.configuration).includes(member);
  }

  #find(member: MemberId): MemberPlace {
    const place = this.#parts.book.find(member);
    if (place === null) throw new OpError('MEMBER_NOT_FOUND', { name: String(member) });
    return place;
  }
}

/** A token has enough bits of luck that its hash needs no salt. */
function hashOf(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}
