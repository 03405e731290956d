// What a restored cluster begins with: the state that a backup held, of which everything is withdrawn that somebody else may have gone on
// with since. No log has this step. It is made once, by `restore` in a directory of its own, and the log begins behind it.
//
// A backup does not know how far the numbers went after it. A revision, a client's number or a member's that was given then must mean
// nothing now, rather than something else: all of them go on far behind. A member's number is drawn, so that two restores
// of one backup, of which each believes to be the first, do not take each other's servers for their own.
import { toLogIndex, type Random } from '@holdfast/base';
import { toMemberId, type MemberId } from '@holdfast/raft';
import { generationAfter, raiseGeneration } from './generations.ts';
import { replaceMembers } from './members.ts';
import { change } from './query.ts';
import type { State } from './state.ts';

export interface NewBeginning {
  /** The highest cluster generation that is known from elsewhere. */
  readonly seen: number;
  readonly by: string;
  readonly atMs: number;
  /** Who is the whole group from here on. */
  readonly member: MemberId;
  readonly name: string;
  readonly peerAddress: string;
  readonly apiAddress: string;
}

/** More than a cluster commits in its life. */
const revisionsPerGeneration = 1e12;
const memberNumbers = { least: 2 ** 31, count: 2 ** 31 };

const forgetClients = change('DELETE FROM clients');
const forgetAnswers = change('DELETE FROM answers');
const forgetChanges = change('DELETE FROM changes');

export function drawMember(random: Random): MemberId {
  return toMemberId(memberNumbers.least + random.below(memberNumbers.count));
}

export function beginAnew(state: State, beginning: NewBeginning): void {
  const { database, cluster } = state;
  const { seen, by, atMs, ...founder } = beginning;
  const generations = generationAfter(cluster, seen) - cluster.generation;
  const index = toLogIndex(cluster.applied + generations * revisionsPerGeneration);
  cluster.applied = index;
  state.enter(index, state.term);
  raiseGeneration(state, { kind: 'raiseGeneration', seen, by, atMs });
  database.writeRows();
  database.run(forgetAnswers);
  database.run(forgetClients);
  state.book.reread();
  cluster.clients = 0;
  replaceMembers(state, founder);
  // Whoever watched reads everything anew: what it knows may not have come to pass.
  database.writeRows();
  database.run(forgetChanges);
  cluster.changes = 0;
  cluster.compacted = index;
}
