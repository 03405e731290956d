// The error table's rows for the write-ahead log.
import type { ErrorRow } from './error-table.ts';

export const raftLogErrorRows = {
  RAFT_LOG_CLOSED: {
    kind: 'unavailable',
    retriable: true,
    text: 'the log in {directory} is closed',
    hint: 'The process is shutting down; the same request succeeds once it has started again.',
  },
  RAFT_LOG_CORRUPT: {
    kind: 'data-loss',
    retriable: false,
    text: '{path} is damaged at {position}: {reason}',
    hint: 'Keep a copy of the directory. The mode salvage opens what is left of it; then repair it from the other replicas.',
  },
  RAFT_LOG_DAMAGED: {
    kind: 'data-loss',
    retriable: false,
    text: 'the log in {directory} does not verify; damages: {count}',
    hint: 'Keep a copy of the directory; `holdfast log repair` says what can be made good and what a peer must supply.',
  },
  RAFT_LOG_ENTRY_FAULTY: {
    kind: 'data-loss',
    retriable: false,
    text: 'entry {index} of group {group} is damaged or lost ({place})',
    hint: 'The replica fetches it from its peers; if there are none, restore from a backup.',
  },
  RAFT_LOG_ENTRY_PURGED: {
    kind: 'out-of-range',
    retriable: false,
    text: 'entry {index} of group {group} was purged; the log begins at {firstIndex}',
    hint: 'A snapshot holds what was before.',
  },
  RAFT_LOG_FORMAT_UNKNOWN: {
    kind: 'unsupported',
    retriable: false,
    text: 'cannot read {path}: {reason}',
    hint: 'It was written by a later release; use that one.',
  },
  RAFT_LOG_FULL: {
    kind: 'exhausted',
    retriable: true,
    text: 'the log in {directory} takes no entries: its disk is full',
    hint: 'Free space on its file system; votes, truncation and purge still work, and entries go on by themselves.',
  },
  RAFT_LOG_GROUP_EXISTS: {
    kind: 'exists',
    retriable: false,
    text: 'the log has group {group} already',
    hint: 'Destroy the group first, or choose another number.',
  },
  RAFT_LOG_GROUP_UNKNOWN: {
    kind: 'not-found',
    retriable: false,
    text: 'the log has no group {group}',
    hint: 'Create the group first.',
  },
  RAFT_LOG_NOT_THERE: {
    kind: 'not-found',
    retriable: false,
    text: 'there is no log in {directory}',
    hint: 'A log is a directory of files named *.chunk; check the path, and whether its file system is mounted.',
  },
  RAFT_LOG_POISONED: {
    kind: 'data-loss',
    retriable: false,
    text: 'the log in {directory} has stopped for good: {reason}',
    hint: "See the kernel's log (`dmesg`), then restart the process: it recovers from what is on the disk.",
  },
  RAFT_LOG_REFUSED: {
    kind: 'precondition',
    retriable: false,
    text: 'group {group} refuses to {operation}: {reason}',
    hint: 'The caller and the log disagree about the state of the group; read it anew.',
  },
  RAFT_LOG_STATES_TOO_LARGE: {
    kind: 'exhausted',
    retriable: false,
    text: 'the states of all groups of the log in {directory} would take {sizeBytes} bytes of each chunk; at most {limitBytes} fit',
    hint: 'Keep fewer groups or less user data in it, or open it with larger chunks.',
  },
  RAFT_LOG_TOO_LARGE: {
    kind: 'out-of-range',
    retriable: false,
    text: 'group {group} asks for {sizeBytes} bytes in one batch; at most {limitBytes} fit',
    hint: 'Append in smaller calls, or open the log with larger batches and chunks.',
  },
  RAFT_LOG_UNREADABLE: {
    kind: 'unavailable',
    retriable: true,
    text: 'the disk refuses to read {path} at {position}, where the log may go on',
    hint: 'Start again; if it stays so, look at the disk (`dmesg`). The mode salvage gives up what lies there: a peer must supply it.',
  },
} as const satisfies Record<string, ErrorRow>;
