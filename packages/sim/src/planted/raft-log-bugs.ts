// Bugs of a write-ahead log, in raft-log: most of them show only when the power fails or a sector rots at the wrong moment.
import { bugsOf } from './planted-bug.ts';

export const raftLogBugs = bugsOf('raft', 'raft-log/src', {
  'log-disk.ts': [
    [
      'batch-not-synced',
      'a batch is acknowledged as soon as it is written',
      'const writtenMs = this.#clock.monotonicMs();\n    file.fdatasync();',
      'const writtenMs = this.#clock.monotonicMs();',
    ],
    [
      'failed-sync-retried',
      'a sync that failed is tried again, and says that all is well',
      'const writtenMs = this.#clock.monotonicMs();\n    file.fdatasync();',
      'const writtenMs = this.#clock.monotonicMs();\n    try {\n      file.fdatasync();\n    } catch (error) {\n      if (isOpError(error)) file.fdatasync();\n      else throw error;\n    }',
    ],
    [
      'rename-not-synced',
      'the directory is not synced after a chunk got its name',
      'this.#files.rename(job.from, job.to);\n    this.#syncDirectoryOf(job.to);',
      'this.#files.rename(job.from, job.to);',
    ],
  ],
  'log-writer.ts': [
    [
      'answered-before-written',
      'callers are answered when their batch is handed to the disk',
      'this.#written = this.#staged;',
      'this.#written = this.#staged;\n      this.#written.resolve();',
    ],
  ],
  'chunk-scan.ts': [
    [
      'durable-mark-ignored',
      'damage below the durable mark is taken for a torn tail',
      "return wasCutAt(next, position) ? 'abandoned' : 'damaged';",
      "return 'tail';",
    ],
  ],
  'replay.ts': [
    [
      'ambiguity-not-told',
      'a torn tail is cut, and nobody is told',
      'if (isWhole) return;',
      'if (isWhole || !context.isSound) return;',
    ],
    [
      'earliest-vote-counts',
      'of the votes that a start finds the earliest counts',
      'if (term < state.term || (term === state.term && state.vote !== null && state.vote !== vote)) return state;',
      'if (state.vote !== null) return state;',
    ],
  ],
  'raft-log.ts': [
    [
      'lost-vote-not-told',
      'a vote that cannot be read any more is passed over',
      'return { ...held.durable, firstIndex: held.durable.purgedIndex + 1, faulty: held.faulty.ranges };',
      'return { ...held.durable, firstIndex: held.durable.purgedIndex + 1, faulty: held.faulty.ranges, isVoteLost: false };',
    ],
  ],
  'record-header.ts': [
    [
      'payload-not-verified',
      'the checksum of a payload is not looked at',
      'return checksum(region.bytes, payload, payload + header.payloadBytes, start) === header.payloadChecksum;',
      'return start >= 0 && payload > 0;',
    ],
  ],
  'log-core.ts': [
    [
      'recycled-block-lives',
      'each life of a file has the same salt, and a block of an earlier one passes for a live one',
      'const salt = this.#random.bytes(saltBytes);',
      'const salt = this.#logId;',
    ],
    [
      'chunk-recycled-early',
      'a chunk is used again although entries in it are needed',
      'return references === 0 && header.sequence < this.#baseSequence;',
      'return references >= 0 && header.sequence < this.#baseSequence;',
    ],
  ],
  'recovery.ts': [
    [
      'read-not-synced',
      'what a restart found in the page cache is shown before it is synced',
      'if (!this.#options.isReadOnly) this.#sync();',
      '',
    ],
  ],
});
