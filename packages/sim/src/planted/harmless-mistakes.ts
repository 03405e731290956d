// One-line mistakes of the kind that is planted, which no row plants because they break no promise: another check stands behind the
// one that is gone. Each says which, and what is planted in its place. packages/raft-log and raft take out such checks one by one
// in their own tests.

export interface HarmlessMistake {
  readonly what: string;
  /** Below packages/. */
  readonly file: string;
  readonly why: string;
}

export const harmlessMistakes: readonly HarmlessMistake[] = [
  {
    what: 'A follower bounds the commit index by the end of its log, and not by that of the append.',
    file: 'raft/src/follower.ts',
    why: [
      'The first append that a leader gets accepted begins right behind the last entry that both have, so it cuts off whatever differs',
      'before the index is looked at. Only a slot that is damaged at that very place, filled by an append that ends with it, lets it through.',
      '`commit-beyond-compared` believes the index before it compares.',
    ].join(' '),
  },
  {
    what: 'A replay takes an entry with a rotten payload for a good one.',
    file: 'raft-log/src/replay.ts',
    why: 'A start reads every entry, verifies it again and marks what does not. `payload-not-verified` takes away both.',
  },
  {
    what: 'Of two votes in one damaged batch an earlier one, found as a copy, replaces the later.',
    file: 'raft-log/src/replay.ts',
    why: [
      'The host has one write of a group under way at a time, and makes one vote of those that wait: no batch holds two of one group.',
      '`earliest-vote-counts` mixes up votes of several batches, `older-vote-wins` those that wait.',
    ].join(' '),
  },
  {
    what: 'The head of a batch is not compared with the salt of its file.',
    file: 'raft-log/src/batch-head.ts',
    why: 'Every checksum starts from that salt, so an old head does not verify. `recycled-block-lives` gives all lives one salt.',
  },
];
