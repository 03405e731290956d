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
  {
    what: 'The apply of a commit does not look who has acknowledged the intent.',
    file: 'sim/src/fencing/metadata/intents.ts',
    why: [
      'The leader looks before it proposes, and from an intent to its end nobody is granted what could use the old entries, so nobody',
      'is missing later who was not before. `snapshot-without-acknowledgement`, `narrowed-without-acknowledgement` and',
      '`granted-beneath-an-intent` take away what both looks rely on.',
    ].join(' '),
  },
  {
    what: 'A conversion does not compare the entry that it replaces.',
    file: 'sim/src/fencing/metadata/maps.ts',
    why: [
      'Only who holds the epoch converts, each of its extents once between two intents, and what was admitted below a committed intent',
      'is refused by its revision. `copy-up-over-newer-write` lets two writes fill one extent at a time.',
    ].join(' '),
  },
  {
    what: 'A renewal extends volumes that it does not name.',
    file: 'sim/src/fencing/node/agent.ts',
    why: [
      'While its session lives a grant ends by the word of its own agent alone, which closes the volume first; every other certificate',
      'ends the session, and an ended one is not renewed. `deadline-from-the-answer` extends what nobody may.',
    ].join(' '),
  },
  {
    what: 'Who opens a volume keeps what the kernel of the node cached of it earlier.',
    file: 'sim/src/fencing/node/engine.ts',
    why: 'Who lets go has dropped it when its last request was back. `cache-kept` plants that.',
  },
];
