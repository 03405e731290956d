// What Raft promises, held against every step of every replica as it happens. It works from what a step asks of its host (writes,
// messages, committed entries) and what a start finds on disk, never from the core's own books, and each rule looks at what the
// step changed only: no log is ever walked.
//
// - `one-leader-a-term`, `one-vote-a-term`: also across restarts, because both are remembered here.
// - `log-matching`: an entry is the same wherever it stands, and so is the term before it (see the register).
// - `elected-by-quorum`: who leads has the votes of a quorum.
// - `durable-before-said`: an acknowledgement speaks of what storage acknowledged, a granted vote of one that is stored; what is
//   applied is stored where it is.
// - `vote-after-loss`: who may have lost what it acknowledged does not vote where a vote may be lost, nor before it has
//   everything that was committed when it started, unless everybody was asked. Who takes a lost vote for given to the one who
//   has won the term without it gives nothing.
// - `committed-for-ever`, `committed-by-quorum`: what was applied once is the same everywhere, and a quorum had it durably.
// - `snapshot-keeps-tail`: a snapshot takes the place of no entries behind it.
// - `own-term-first`: a leader commits what earlier terms left only with an entry of its own.
// - `leader-completeness`: who becomes leader has everything that was committed in earlier terms.
// - `durable-prefix`: a start finds what was acknowledged before, unless its disk is one that the seed damages.
// - `loss-is-told`: where it is, a start says what it does not find: a slot as damaged, a vote or the end of the log as perhaps lost.
// - `one-change-at-a-time`, `quorums-overlap`, `configuration-of-log`: configurations follow one another safely, each replica
//   counts by the last one of its log.
// - `state-at-index`: equal states at equal indices, also behind a snapshot.
// - `read-index`: a read is told an index no lower than what anybody had applied when it began.
import type { Effects, Entry, GroupsEvent, MemberId, Message, Recovered, Vote } from '@holdfast/raft';
import { decodeConfiguration, formatConfiguration } from '@holdfast/raft';
import { EntryRegister, hashOf } from './entry-register.ts';
import { ProposalJudge } from './proposal-judge.ts';
import { LossJudge, type LossJudgeOptions } from './loss-judge.ts';
import { ReplicaWatch, type Doubt } from './replica-watch.ts';
import type { ConfigurationAt, ShadowLog } from './shadow-log.ts';
import { WrittenSlots } from './written-slots.ts';
import { isQuorum, quorumsIntersect } from './configuration-rules.ts';

export type Report = (rule: string, text: string) => void;

interface CommittedEntry {
  readonly term: number;
  readonly hash: number;
  readonly member: MemberId;
  /** In which term of that member it was seen committed first. */
  readonly inTerm: number;
}

export class RaftJudge {
  readonly register = new EntryRegister();
  readonly written = new WrittenSlots();
  readonly proposals: ProposalJudge;
  readonly #report: Report;
  readonly #losses: LossJudge;
  readonly #watches = new Map<MemberId, ReplicaWatch>();
  readonly #leaders = new Map<number, MemberId>();
  readonly #votes = new Map<MemberId, Map<number, MemberId>>();
  readonly #committed: (CommittedEntry | undefined)[] = [];
  /** The last entry that was seen committed in each term of the one who reported it first. */
  readonly #committedIn = new Map<number, number>();
  readonly #digests: (number | undefined)[] = [];
  /** Those that were applied. */
  readonly #configurations: ConfigurationAt[] = [];
  /** Every configuration that a leader ever appended. */
  readonly #made: ConfigurationAt[] = [];
  #applied = 0;
  elections = 0;

  constructor(options: LossJudgeOptions) {
    const { report } = options;
    this.#report = report;
    this.#losses = new LossJudge(options);
    this.proposals = new ProposalJudge(report);
  }

  /** The highest index that anybody has applied. */
  get applied(): number {
    return this.#applied;
  }
  get configurationChanges(): number {
    return this.#configurations.length;
  }

  watch(member: MemberId): ReplicaWatch | null {
    return this.#watches.get(member) ?? null;
  }

  /** A replica is about to start from this. */
  onRecovered(member: MemberId, recovered: Recovered): void {
    this.written.onRecovered(member, recovered);
    const before = this.#watches.get(member);
    const watch = new ReplicaWatch(member, recovered);
    const loss = before?.whatIsMissingIn(watch) ?? null;
    if (loss !== null) this.#losses.judge(member, loss, recovered);
    watch.doubt = this.#doubtOf(recovered);
    this.#watches.set(member, watch);
    this.#noteSnapshot(member, watch.staged.baseIndex);
    for (const entry of recovered.entries) {
      if (watch.gaveUp(entry)) continue;
      this.#see(member, entry, watch);
      // Written in the life before and never acknowledged, perhaps; found, it counts.
      this.register.noteDurable(member, entry.index, entry.term);
    }
  }

  onStep(member: MemberId, event: GroupsEvent, effects: Effects): void {
    const watch = this.#watches.get(member);
    if (watch === undefined) {
      this.#report('step-before-start', `member ${member} steps before it said what it starts from`);
      return;
    }
    this.written.onStep(member, effects);
    if (event.kind === 'group' && event.event.kind === 'read') watch.noteReads(event.event.ids, this.#applied);
    if (effects.write !== null) this.#judgeWrite(watch, effects);
    this.#judgeConfiguration(watch, effects);
    if (effects.role !== null) watch.isLeader = effects.role.role === 'leader';
    if (!watch.isLeader) watch.leadsFrom = null;
    noteRecovery(watch, event);
    for (const message of effects.messages) this.#judgeMessage(watch, message);
    if (effects.role?.role === 'leader') this.#judgeLeader(watch, effects.role.term);
    if (effects.committed.length > 0) this.#judgeCommitted(watch, effects.committed);
    for (const { id, index } of effects.reads) this.#judgeRead(watch, id, index);
    const { refused } = effects;
    if (refused?.kind === 'data-loss') this.#report('data-loss', `member ${member}: ${refused.message}`);
  }

  /** The state machine of `member` has applied everything up to `index`, and its state has this digest. */
  onApplied(member: MemberId, index: number, digest: number): void {
    const known = this.#digests[index];
    if (known === undefined) this.#digests[index] = digest;
    else if (known !== digest) {
      this.#report('state-at-index', `member ${member} has another state at ${index} than others had there`);
    }
    if (index > this.#applied) this.#applied = index;
  }

  /** Storage has acknowledged this write of `member`, and all before it. */
  onStored(member: MemberId, ticket: number): void {
    this.written.onStored(member, ticket);
    const watch = this.#watches.get(member);
    if (watch === undefined) return;
    for (const write of watch.acknowledge(ticket)) {
      // Only now: one that a crash kept from the disk was never said, and is none.
      if (write.vote !== null) this.#judgeVote(watch, write.vote.term, write.vote.votedFor);
      if (write.snapshot !== null) this.#noteSnapshot(watch.member, write.snapshot.index);
      for (const { index, term } of write.entries) this.register.noteDurable(watch.member, index, term);
      for (const { index, term } of write.repairs) this.register.noteDurable(watch.member, index, term);
    }
  }

  #noteSnapshot(member: MemberId, index: number): void {
    this.register.noteSnapshot(member, index);
  }

  #judgeWrite(watch: ReplicaWatch, { write, role }: Effects): void {
    if (write === null) return;
    const { member } = watch;
    if (write.vote !== null) this.#judgeSavedVote(watch, write.vote);
    if (write.snapshot !== null) this.#judgeSnapshot(watch, write.snapshot);
    if (write.truncateAfter !== null) this.#judgeCut(watch, write.truncateAfter, write.vote ?? watch.vote);
    watch.beginWrite(write);
    const isLeading = role?.role === 'leader' || watch.isLeader;
    for (const entry of write.entries) {
      const isCreated = isLeading && entry.term === watch.vote.term;
      if (isCreated) watch.leadsFrom ??= entry.index;
      if (isCreated && entry.kind === 'configuration') this.#judgeChange(watch, entry);
      watch.staged.append(entry);
      this.#see(member, entry, watch);
    }
    for (const entry of write.repairs) {
      watch.staged.repair(entry);
      this.#see(member, entry, null);
    }
    this.#endWrite(watch, write);
  }

  #endWrite(watch: ReplicaWatch, write: NonNullable<Effects['write']>): void {
    const isBlindPurge = write.purgeTo !== null && watch.staged.isDamagedUpTo(write.purgeTo);
    watch.endWrite(write);
    if (isBlindPurge) this.#tellConfiguration(watch.staged);
  }

  /** A snapshot that takes the place of damaged slots knows what stood in them. */
  #tellConfiguration(log: ShadowLog): void {
    const [index, term] = [log.baseIndex, log.termAtBase];
    const standing = this.#configurations.findLast((each) => each.index <= index);
    if (standing !== undefined) log.beginAt({ index, term, configuration: standing.configuration });
  }

  #judgeSavedVote({ member, vote }: ReplicaWatch, next: Vote): void {
    const { term, votedFor } = vote;
    if (next.term < term) this.#report('term-falls', `member ${member} goes back from term ${term} to ${next.term}`);
    if (next.term === term && votedFor !== null && next.votedFor !== votedFor) {
      this.#report('one-vote-a-term', `member ${member} takes back its vote for ${votedFor} in term ${term}`);
    }
  }

  #see(member: MemberId, entry: Entry, watch: ReplicaWatch | null): void {
    const previous = watch?.staged.termAt(entry.index - 1) ?? null;
    const problem = this.register.see(entry, previous === 0 && entry.index > 1 ? null : previous);
    if (problem !== null) this.#report('log-matching', `member ${member}: ${problem}`);
  }

  #judgeCut({ member, staged }: ReplicaWatch, after: number, { term }: Vote): void {
    const index = after + 1;
    const committed = this.#committed[index];
    if (committed === undefined) return;
    if (staged.termAt(index) !== committed.term) return;
    // Who has not come to that term was not counted there, and follows a leader of before, who need not have it.
    if (term < committed.inTerm) return;
    this.#report(
      'committed-for-ever',
      `member ${member} cuts off entry ${index} of term ${committed.term}, which is committed`,
    );
  }

  #judgeSnapshot({ member, staged }: ReplicaWatch, mark: Recovered['snapshot']): void {
    if (staged.lastIndex > mark.index && staged.termAt(mark.index) === mark.term) {
      const lost = `what its log has behind it, up to ${staged.lastIndex}`;
      this.#report('snapshot-keeps-tail', `member ${member} gives up for a snapshot up to ${mark.index} ${lost}`);
    }
    const committed = this.#committed[mark.index];
    if (mark.index > 0 && committed?.term !== mark.term) {
      const known = committed === undefined ? 'nobody applied it' : `it was committed in ${committed.term}`;
      this.#report(
        'snapshot-is-committed',
        `member ${member} takes a snapshot up to entry ${mark.index} of term ${mark.term}: ${known}`,
      );
    }
    const standing = this.#configurations.findLast(({ index }) => index <= mark.index);
    if (standing === undefined) return;
    const [said, meant] = [mark.configuration, standing.configuration].map(formatConfiguration);
    if (said !== meant) {
      this.#report(
        'snapshot-configuration',
        `a snapshot up to ${mark.index} says ${said ?? ''}, but ${meant ?? ''} held`,
      );
    }
  }

  /** It counts by the last configuration of its log: none that was cut off, and one that a repair brought back. */
  #judgeConfiguration(watch: ReplicaWatch, { configuration, write }: Effects): void {
    if (configuration !== null) watch.inForce = configuration;
    const isLogMended = write !== null && (write.truncateAfter !== null || write.repairs.length > 0);
    if (configuration === null && !isLogMended) return;
    const [said, meant] = [watch.inForce, watch.staged.configuration].map(formatConfiguration);
    if (said === meant) return;
    this.#report('configuration-of-log', `member ${watch.member} counts by ${said ?? ''}; its log says ${meant ?? ''}`);
  }

  #judgeVote(watch: ReplicaWatch, term: number, candidate: MemberId | null): void {
    if (candidate === null || this.#isGivenToWinner(watch, term, candidate)) return;
    const { member } = watch;
    let votes = this.#votes.get(member);
    if (votes === undefined) this.#votes.set(member, (votes = new Map<number, MemberId>()));
    const earlier = votes.get(term);
    if (earlier === undefined) votes.set(term, candidate);
    else if (earlier !== candidate) {
      this.#report('one-vote-a-term', `member ${member} votes for ${candidate} in term ${term}, after ${earlier}`);
    }
  }

  #isGivenToWinner({ doubt }: ReplicaWatch, term: number, candidate: MemberId): boolean {
    return doubt !== null && this.#leaders.get(term) === candidate;
  }

  #judgeMessage(watch: ReplicaWatch, message: Message): void {
    const { member } = watch;
    if (message.kind === 'vote-response' && message.isGranted) {
      this.#judgeVote(watch, message.term, message.to);
      this.#judgeDoubt(watch, message);
      const { term, votedFor } = watch.durableVote;
      if (term < message.term || (term === message.term && votedFor !== message.to)) {
        this.#report(
          'durable-before-said',
          `member ${member} grants ${message.to} term ${message.term} before it is stored`,
        );
      }
    }
    // One of an earlier term tells of a write that a later one, stored together with it, has cut off: it comes late, and is no lie.
    const isOfThisTerm = message.term === watch.vote.term;
    if (message.kind === 'append-accepted' && isOfThisTerm && message.match > watch.durable.lastIndex) {
      const { lastIndex } = watch.durable;
      this.#report(
        'durable-before-said',
        `member ${member} accepts up to ${message.match}, and has stored ${lastIndex}`,
      );
    }
  }

  #doubtOf({ ambiguity, faulty, vote }: Recovered): Doubt | null {
    if (ambiguity === null && faulty.length === 0) return null;
    const voteFloor = ambiguity === null ? 0 : Math.max(vote.term, ambiguity.term ?? 0) + 1;
    return { voteFloor, committedIndex: this.#applied, recoveries: new Set() };
  }

  #judgeDoubt(watch: ReplicaWatch, { term, to }: Message): void {
    const { member, doubt, durable } = watch;
    if (doubt === null || this.#isGivenToWinner(watch, term, to)) return;
    if (term <= doubt.voteFloor) {
      this.#report('vote-after-loss', `member ${member} votes in term ${term}; it may have lost a vote of ${term}`);
    }
    const { committedIndex, recoveries } = doubt;
    if (recoveries.has(candidacyOf(term, to))) return;
    const isThere =
      committedIndex <= durable.baseIndex || durable.termAt(committedIndex) === this.#committed[committedIndex]?.term;
    if (isThere) return;
    const missing = `it may have lost what it had, and does not have entry ${committedIndex} yet`;
    this.#report('vote-after-loss', `member ${member} votes for ${to} in term ${term}; ${missing}`);
  }

  #judgeLeader(watch: ReplicaWatch, term: number): void {
    const { member } = watch;
    const earlier = this.#leaders.get(term);
    if (earlier === member) return;
    if (earlier !== undefined) {
      this.#report('one-leader-a-term', `members ${earlier} and ${member} both lead in term ${term}`);
      return;
    }
    if (watch.durableVote.term < term) {
      this.#report('durable-before-said', `member ${member} leads term ${term} before its own vote is stored`);
    }
    if (!isQuorum(watch.staged.configuration, (voter) => this.#votes.get(voter)?.get(term) === member)) {
      this.#report('elected-by-quorum', `member ${member} leads term ${term} without the votes of a quorum`);
    }
    this.elections++;
    this.#leaders.set(term, member);
    let last = 0;
    for (const [committedTerm, index] of this.#committedIn) if (committedTerm < term && index > last) last = index;
    const committed = this.#committed[last];
    if (committed === undefined || last <= watch.staged.baseIndex) return;
    const own = watch.staged.termAt(last);
    if (own === committed.term) return;
    const instead = own === null ? 'does not have it' : `has one of term ${own}`;
    this.#report(
      'leader-completeness',
      `member ${member} leads term ${term}; entry ${last} of term ${committed.term} was committed before, and it ${instead}`,
    );
  }

  #judgeCommitted(watch: ReplicaWatch, entries: readonly Entry[]): void {
    for (const entry of entries) {
      const hash = hashOf(entry);
      const known = this.#committed[entry.index];
      if (known === undefined && entry.term < watch.vote.term) this.#judgeOldTerm(watch, entry);
      if (known === undefined) this.#judgeFirstCommit(watch, entry, hash);
      else if (known.term !== entry.term || known.hash !== hash) {
        this.#report(
          'committed-for-ever',
          `entry ${entry.index} of term ${entry.term} is committed at member ${watch.member}, and was one of term ${known.term} at member ${known.member}`,
        );
      }
    }
    const last = entries.at(-1)?.index ?? 0;
    const { lastIndex } = watch.durable;
    if (last > lastIndex) {
      this.#report('durable-before-said', `member ${watch.member} applies ${last}, and has stored ${lastIndex}`);
    }
    const { term } = watch.vote;
    this.#committedIn.set(term, Math.max(last, this.#committedIn.get(term) ?? 0));
  }

  /** What earlier terms left is committed by what comes behind it: copies of it alone are no promise. */
  #judgeOldTerm({ member, staged, vote, leadsFrom }: ReplicaWatch, { index, term }: Entry): void {
    if (leadsFrom === null) return;
    const { configurations } = staged;
    if (configurations.some((each) => this.register.hasQuorum(leadsFrom, vote.term, each.configuration))) return;
    this.#report(
      'own-term-first',
      `member ${member} applies entry ${index} of term ${term}; no quorum has its own ${leadsFrom} of term ${vote.term}`,
    );
  }

  #judgeFirstCommit(watch: ReplicaWatch, entry: Entry, hash: number): void {
    const { index, term, proposal } = entry;
    const { member, staged } = watch;
    this.#committed[index] = { term, hash, member, inTerm: watch.vote.term };
    // The leader may have moved on, to a configuration that is not known here: any that stands behind the entry can have committed it.
    const standing = staged.configurationAt(index) ?? staged.configurations[0];
    const possible = [
      ...(standing === undefined ? [] : [standing]),
      ...this.#made.filter((each) => each.index > index),
    ];
    if (!possible.some(({ configuration }) => this.register.hasQuorum(index, term, configuration))) {
      this.#report(
        'committed-by-quorum',
        `member ${member} applies entry ${index} of term ${term}, which no quorum stored`,
      );
    }
    if (entry.kind === 'configuration') {
      const configuration = staged.configurationAt(index)?.configuration;
      if (configuration !== undefined) this.#configurations.push({ index, configuration });
    }
    if (proposal !== null) this.proposals.committed(proposal, index);
  }

  /** The replica leads and appends another configuration. */
  #judgeChange({ member, staged }: ReplicaWatch, entry: Entry): void {
    this.#made.push({ index: entry.index, configuration: decodeConfiguration(entry.data) });
    const previous = staged.configurationAt(entry.index);
    if (previous === null) return;
    const { index, configuration } = previous;
    const isCommitted =
      index <= Math.max(staged.baseIndex, this.#applied) ||
      this.register.hasQuorum(index, staged.termAt(index) ?? 0, configuration);
    const next = formatConfiguration(decodeConfiguration(entry.data));
    if (!isCommitted) {
      this.#report(
        'one-change-at-a-time',
        `member ${member} appends ${next} at ${entry.index}, and ${index} is not committed`,
      );
    }
    if (!quorumsIntersect(configuration, decodeConfiguration(entry.data))) {
      const before = formatConfiguration(configuration);
      this.#report('quorums-overlap', `member ${member} goes from ${before} to ${next}, whose quorums need not meet`);
    }
  }

  #judgeRead(watch: ReplicaWatch, id: number, index: number): void {
    const floor = watch.takeReadFloor(id);
    if (floor === null || index >= floor) return;
    this.#report(
      'read-index',
      `member ${watch.member} reads at ${index}; ${floor} was applied somewhere when it began`,
    );
  }
}

function candidacyOf(term: number, candidate: MemberId): string {
  return `${candidate} in ${term}`;
}

function noteRecovery({ doubt }: ReplicaWatch, event: GroupsEvent): void {
  if (doubt === null || event.kind !== 'group' || event.event.kind !== 'message') return;
  const { message } = event.event;
  if (message.kind !== 'vote-request' || !message.isRecovery) return;
  doubt.recoveries.add(candidacyOf(message.term, message.from));
}
