// Bugs of what stands around the core: the host, which carries out what it asks for, and the state machine.
import { bugsOf } from './planted-bug.ts';

/** Proposals that wait, by this key. */
const proposalsBy = (key: string): string => `
    const known = this.#waiters.get(${key});
    if (known !== null) return { answer: known, isNew: false };
    return { answer: this.#waiters.add(${key}), isNew: true };
  }

  answer({ session, sequence }: ProposalId, answer: Uint8Array): void {
    this.#waiters.resolve(answer, ${key});
`;

export const hostBugs = [
  ...bugsOf('raft', 'metadata-service/src/host', {
    'storage-writer.ts': [
      [
        'stored-before-written',
        'a write is acknowledged when it is handed over',
        'this.#isUnderWay = true;',
        'this.#isUnderWay = true;\n    this.#options.onStored(write.ticket);',
      ],
      [
        'write-error-swallowed',
        'a write that failed counts as done',
        "for (const outcome of outcomes) if (outcome.status === 'rejected') return asOpError(outcome.reason);",
        "for (const outcome of outcomes) if (outcome.status === 'rejected' && write.ticket < 0) return asOpError(outcome.reason);",
      ],
    ],
    'net-write.ts': [
      [
        'older-vote-wins',
        'of two votes that are written together the older one is stored',
        'net.vote = write.vote ?? net.vote;',
        'net.vote = net.vote ?? write.vote;',
      ],
    ],
    'log-entry.ts': [
      [
        'proposal-id-not-stored',
        'a restart forgets which proposal an entry is',
        'nullableProposalId.write(out, proposal);',
        'nullableProposalId.write(out, null);',
      ],
    ],
    'recovery.ts': [
      [
        'faulty-slots-forgotten',
        'the damage that the log reports does not reach the core',
        'faulty: faultySlots(log, group),',
        'faulty: [],',
      ],
      [
        'lost-vote-softened',
        'a start knows that a vote is lost, and does not say so',
        'if (ambiguity === null) return isVoteLost ? { term: null } : null;',
        'if (ambiguity === null || isVoteLost) return null;',
      ],
    ],
    'snapshot-store.ts': [
      [
        'snapshot-name-not-synced',
        'the directory is not synced after a snapshot got its name',
        'files.fsyncDirectory(directory);\n    this.#stored.unshift',
        'this.#stored.unshift',
      ],
      [
        'received-snapshot-not-synced',
        'a snapshot that was received takes the place of the log before it is durable',
        'this.#receiving?.file.fsync();',
        '',
      ],
    ],
    'snapshot-file.ts': [
      ['snapshot-end-not-synced', 'a snapshot gets its name before all of it is durable', 'this.#file.fsync();', ''],
    ],
    'replica.ts': [
      [
        'purge-before-snapshot',
        'the log is let go before the snapshot that stands for it is durable',
        'this.#isTaking = true;',
        "this.#isTaking = true;\n    this.#parts.run({ kind: 'compact', mark });",
      ],
      [
        'unknown-outcome-is-refusal',
        'who proposed to a leader that fell is told that it did not happen',
        "this.#proposals.rejectAll(outcomeUnknown('the leader that it was sent to leads no more'));",
        "this.#proposals.rejectAll(new OpError('RAFT_LEADER_UNKNOWN', {}));",
      ],
    ],
    'waiting.ts': [
      [
        'answer-to-wrong-waiter',
        'the answer to a command goes to whoever waits with the same number in another session',
        proposalsBy('session, sequence'),
        proposalsBy('0, session > 0 ? sequence : 0'),
      ],
      [
        'read-before-applied',
        'a read looks at the state machine before that is where the leader said',
        'if (index <= applied) this.#waiters.resolve(undefined, id);',
        'if (index <= applied + 1000) this.#waiters.resolve(undefined, id);',
      ],
    ],
  }),
  ...bugsOf('raft', 'sim/src/workload', {
    'key-value-machine.ts': [
      [
        'ledger-not-in-snapshot',
        'a snapshot forgets which commands were applied',
        'sessions: this.#ledger.contents(),',
        'sessions: [],',
      ],
    ],
  }),
];
