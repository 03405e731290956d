// Bugs of consensus, in raft: each happened to somebody, or is what a reader of the paper gets wrong first. packages/raft's
// docs/known-bugs.md says what each leads to.
import { bugsOf } from './planted-bug.ts';

export const raftBugs = bugsOf('raft', 'raft/src', {
  'election.ts': [
    [
      'vote-before-durable',
      'a vote is said before it is durable',
      "sayWhenDurable(state, from, { kind: 'vote-response', isGranted });",
      "say(state, from, { kind: 'vote-response', isGranted });",
    ],
    [
      'candidacy-before-durable',
      'a candidate asks for votes before its own is durable',
      "sayWhenDurable(state, voter, { kind: 'vote-request',",
      "say(state, voter, { kind: 'vote-request',",
    ],
    [
      'second-vote',
      'a second candidate of the term gets a vote too',
      'if (votedFor === null ? state.leader !== null : votedFor !== from) return false;',
      'if (votedFor === null && state.leader !== null) return false;',
    ],
  ],
  'ids.ts': [
    [
      'longer-log-wins',
      'the longer log wins, whatever its last term is',
      'return first.term > second.term || (first.term === second.term && first.index >= second.index);',
      'return first.index >= second.index;',
    ],
  ],
  'storage.ts': [
    [
      'vote-not-stored',
      'the term is stored, and not whom the vote went to',
      'votedFor: state.votedFor }',
      'votedFor: null }',
    ],
    [
      'configuration-not-undone',
      'a configuration stays in force when its entry is cut off',
      'state.configurations = state.configurations.filter((mark) => mark.index <= index);',
      '',
    ],
    [
      'repaired-configuration-unnoticed',
      'a configuration whose damaged slot was repaired does not count',
      'const before = configurationOf(state);\n  noteEntry(state, entry.index);',
      'const before = configurationOf(state);',
    ],
  ],
  'follower.ts': [
    [
      'append-before-durable',
      'an append is acknowledged before it is durable',
      "sayWhenDurable(state, to, { kind: 'append-accepted', match, version });",
      "say(state, to, { kind: 'append-accepted', match, version });",
    ],
    [
      'commit-beyond-compared',
      'a commit index is believed before the logs were compared',
      'const { log, commit } = state;\n  const last',
      'const { log } = state;\n  const commit = (state.commit = greater(state.commit, lesser(message.commit, log.lastIndex)));\n  const last',
    ],
    [
      'conflict-kept',
      'an entry is kept because one of its index is there already, of whatever term',
      "if (match === 'yes') continue;",
      "if (match !== 'damaged') continue;",
    ],
    [
      'late-append-cuts',
      'an append that comes late cuts off what came after it',
      'const match = greater(last, commit);',
      'if (state.draft === null && last >= commit && last < log.lastIndex) truncateAfter(state, last);\n  const match = greater(last, commit);',
    ],
  ],
  'replication.ts': [
    [
      'leader-counts-itself-early',
      'a leader counts itself before its own disk',
      'member === state.self ? state.writes.durableIndex :',
      'member === state.self ? state.log.lastIndex :',
    ],
    [
      'old-term-committed',
      'an entry of an earlier term is committed by counting its copies',
      'if (reached <= state.commit || state.log.termAt(reached) !== state.term) return;',
      'if (reached <= state.commit) return;',
    ],
    [
      'learner-counted',
      'learners count in the quorum of a commit',
      'const reached = quorumReached(configurationOf(state), (member) =>',
      'const { voters, learners, outgoing } = configurationOf(state);\n  const reached = quorumReached({ voters: [...voters, ...learners], outgoing }, (member) =>',
    ],
    [
      'lost-append-forgotten',
      'an append that got lost is never noticed',
      "if (progress.state === 'replicate' && plus(progress.match, 1) < progress.next) probeTail(state, progress);",
      '',
    ],
    [
      'compacted-in-flight',
      'what was under way is compacted, and lost on the way',
      'progress.becomeProbe();\n    return;',
      'return;',
    ],
  ],
  'reads.ts': [
    [
      'heartbeat-tells-whole-commit',
      'a heartbeat tells the whole commit index',
      'const commit = lesser(state.commit, progress.match);\n    progress.toldCommit = commit;',
      'const { commit } = state;\n    progress.toldCommit = commit;',
    ],
    [
      'read-context-reused',
      'the context of a read is the term, and not a number of its own',
      'const context = ++state.heartbeatContext;',
      'const context = (state.heartbeatContext = state.term);',
    ],
    [
      'read-before-own-commit',
      'a new leader answers reads before an entry of its own term is committed',
      'return state.commit >= leading.startIndex;',
      'return leading.startIndex > 0;',
    ],
    [
      'read-unconfirmed',
      'a leader answers reads without asking anybody whether it still is one',
      'if (round === undefined || round.context > confirmed) break;',
      'if (round === undefined) break;',
    ],
  ],
  'quorum.ts': [
    [
      'half-is-majority',
      'half of an even number of voters is a majority',
      'return Math.floor(count / 2) + 1;',
      'return Math.ceil(count / 2);',
    ],
    [
      'joint-commits-by-one-half',
      'a joint configuration commits by its incoming half',
      'return halves.outgoing.length === 0 ? incoming : Math.min(incoming, majorityReached(halves.outgoing, reached));',
      'return incoming;',
    ],
    [
      'joint-elects-by-one-half',
      'a joint configuration elects by its incoming half',
      "return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending';",
      'return incoming;',
    ],
  ],
  'membership.ts': [
    [
      'joint-left-early',
      'a joint configuration is left before it is committed',
      'if (configurationIndex(state) > state.commit) return;\n  if (isJoint',
      'if (isJoint',
    ],
  ],
  'core.ts': [
    [
      'term-not-told',
      'who is behind in term is not told, and its heartbeat keeps a pre-candidate from standing',
      "if (isLeading || kind === 'vote-request') say(state, from, { kind: 'term-notice' });",
      'if (isLeading) state.elapsedTicks = 0;',
    ],
    [
      'applied-before-durable',
      'what a quorum has is applied before the own log has it durably',
      'const limit = Math.min(state.commit, writes.durableIndex);',
      'const limit = writes.length < 0 ? 0 : state.commit;',
    ],
  ],
  'snapshot-receiver.ts': [
    [
      'snapshot-replaces-newer-log',
      'a snapshot replaces what the log has beyond it',
      'return mark.index <= state.commit || state.log.leadsThrough(mark);',
      'return mark.index < 0;',
    ],
  ],
  'state.ts': [
    [
      'lost-tail-is-absent',
      'a replica that may have lost its tail votes as if it never had it',
      'isSuspect: true,',
      'isSuspect: false,',
    ],
    [
      'vote-after-damage',
      'a replica that may have lost a vote votes again in that term',
      'voteFloor: (ambiguity === null ? 0 : lastTerm + 1) as Term',
      'voteFloor: (lastTerm < 0 ? lastTerm : 0) as Term',
    ],
  ],
  'faults.ts': [
    [
      'loss-not-noted',
      'a follower tells that it lost its tail, and its leader goes on counting it',
      'leading.progress.get(from)?.noteLoss(lesser(lastIndex, state.log.lastIndex));',
      '',
    ],
    [
      'suspicion-ends-early',
      'a replica with a lost tail votes again as soon as it hears a leader',
      'if (fault.isSuspect && hasCaughtUp(state, fault)) fault.isSuspect = false;',
      'if (fault.isSuspect && state.leader !== null) fault.isSuspect = false;',
    ],
  ],
  'log.ts': [
    [
      'damaged-is-absent',
      'a damaged slot is answered as absent',
      "if (this.isDamaged(index)) return 'damaged';",
      "if (this.isDamaged(index)) return 'no';",
    ],
    [
      'term-of-damage-guessed',
      'a damaged slot that may have been of several terms is taken for one of the latest',
      'if (slot.term !== latest && !isOfSameTerm) return;',
      'if (slot.term > latest) return;',
    ],
  ],
  'packed-entries.ts': [
    [
      'packed-without-proposal',
      'an entry that was packed has forgotten whose proposal it is',
      'const proposal = session === nobody ? null : { session, sequence: this.#word(index, 3) };',
      'const proposal = session === nobody ? null : null;',
    ],
  ],
  'proposal-ledger.ts': [
    [
      'retry-applied-twice',
      'a retry is applied beside its first try',
      "if (sequence <= applied.floor || applied.above.has(sequence)) return 'duplicate';",
      'applied.above.delete(sequence);',
    ],
  ],
});
