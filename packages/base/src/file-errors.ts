// From an errno to the error table, with the path and the operation: real and virtual files answer alike.
import { OpError } from './op-error.ts';
import type { FileOperation } from './files.ts';
import { systemErrorCode } from './system-error.ts';

export interface FileCall {
  readonly operation: FileOperation;
  readonly path: string;
}

const deniedErrnos = new Set(['EACCES', 'EPERM', 'EROFS']);
const fullErrnos = new Set(['ENOSPC', 'EDQUOT']);
const exhaustedErrnos = new Set(['EMFILE', 'ENFILE']);
/** What says that the request did not fit what is at the path. Whatever is in no list counts as the disk's failure. */
const unsuitableErrnos = new Set([
  'EBADF',
  'EBUSY',
  'EFBIG',
  'EINVAL',
  'EISDIR',
  'ELOOP',
  'EMLINK',
  'ENAMETOOLONG',
  'ENOTDIR',
  'ENOTEMPTY',
  'ENXIO',
  'EOPNOTSUPP',
  'ETXTBSY',
  'EXDEV',
]);

export function fileError(call: FileCall, errno: string, cause: unknown = null): OpError {
  const { operation, path } = call;
  const options = cause === null ? {} : { cause };
  if (errno === 'ENOENT') return new OpError('FILE_NOT_FOUND', { operation, path }, options);
  if (errno === 'EEXIST') return new OpError('FILE_EXISTS', { operation, path }, options);
  if (fullErrnos.has(errno)) return new OpError('DISK_FULL', { operation, path }, options);
  if (deniedErrnos.has(errno)) return new OpError('FILE_ACCESS_DENIED', { operation, path, errno }, options);
  if (exhaustedErrnos.has(errno)) return new OpError('FILES_EXHAUSTED', { operation, path, errno }, options);
  if (unsuitableErrnos.has(errno)) return new OpError('FILE_UNSUITABLE', { operation, path, errno }, options);
  return new OpError('IO_ERROR', { operation, path, errno }, options);
}

/** Runs a call of node:fs and turns what it throws into the table's error; a defect passes unchanged. */
export function withFileErrors<Value>(call: FileCall, run: () => Value): Value {
  try {
    return run();
  } catch (error) {
    const errno = error instanceof OpError ? null : systemErrorCode(error);
    throw errno === null ? error : fileError(call, errno, error);
  }
}

export function isFileError(
  error: unknown,
  code: 'FILE_NOT_FOUND' | 'FILE_EXISTS' | 'DISK_FULL' | 'IO_ERROR',
): boolean {
  return error instanceof OpError && error.code === code;
}
