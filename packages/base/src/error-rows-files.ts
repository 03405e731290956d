// The error table's rows for files and disks.
import type { ErrorRow } from './error-table.ts';

export const fileErrorRows = {
  DISK_FULL: {
    kind: 'exhausted',
    retriable: true,
    text: 'cannot {operation} {path}: the disk or its quota is full',
    hint: 'Free space on the file system that holds this path, or enlarge it.',
  },
  FILE_ACCESS_DENIED: {
    kind: 'denied',
    retriable: false,
    text: 'cannot {operation} {path}: {errno}',
    hint: 'See who owns the path, and whether its file system is mounted read-only.',
  },
  FILE_EXISTS: {
    kind: 'exists',
    retriable: false,
    text: 'cannot {operation} {path}: it is there already',
    hint: 'Choose another name, or see who made it.',
  },
  FILE_LOCKED: {
    kind: 'precondition',
    retriable: false,
    text: '{path} is locked by {holder}',
    hint: 'Only one process may use this directory; stop the other one first.',
  },
  FILE_LOCK_UNAVAILABLE: {
    kind: 'unsupported',
    retriable: false,
    text: 'cannot lock {path}: {reason}',
    hint: 'Install util-linux, whose flock(1) takes the lock, and use a file system that knows flock(2).',
  },
  FILE_NOT_FOUND: {
    kind: 'not-found',
    retriable: false,
    text: 'cannot {operation} {path}: it is not there',
    hint: 'Check the path; if it should be there, see whether its file system is mounted.',
  },
  FILE_TOO_LARGE: {
    kind: 'out-of-range',
    retriable: false,
    text: '{path} has {sizeBytes} bytes; at most {limitBytes} are expected',
    hint: 'It is not the file that belongs there; look who wrote it.',
  },
  FILE_UNSUITABLE: {
    kind: 'precondition',
    retriable: false,
    text: 'cannot {operation} {path}: {errno}',
    hint: 'What is at this path, or its file system, does not allow the operation; `errno NAME` says what the name means.',
  },
  FILES_EXHAUSTED: {
    kind: 'exhausted',
    retriable: true,
    text: 'cannot {operation} {path}: too many files are open ({errno})',
    hint: 'Raise the limit of open files (`ulimit -n`), or find out who holds so many.',
  },
  IO_ERROR: {
    kind: 'data-loss',
    retriable: false,
    text: 'cannot {operation} {path}: {errno}',
    hint: "The disk or its file system failed; look at the kernel's log (`dmesg`) and replace the disk.",
  },
} as const satisfies Record<string, ErrorRow>;
