// The public door of base.
export { invariant, InvariantError, unreachable } from './invariant.ts';
export { errorKinds, errorTable, type ErrorCode, type ErrorKind, type ErrorRow } from './error-table.ts';
export { isOpError, OpError, toOpError, type ErrorDetails } from './op-error.ts';
export type { Clock, Timer, Timers } from './clock.ts';
export type { Random } from './random.ts';
export type { FileLock, FileOperation, FileStat, Files, FreeSpace, OpenFile, OpenMode, OpenOptions } from './files.ts';
export { readContent, replaceContent } from './file-contents.ts';
export { alignedBytes, RealFiles, type NativeFileCalls } from './real-files.ts';
export type { Flock } from './real-file-lock.ts';
export {
  transportLimitsDefault,
  type Connection,
  type ConnectionHandlers,
  type Listener,
  type Transport,
  type TransportLimits,
} from './transport.ts';
export { RealTransport, type RealTransportOptions, type TlsOptionsProvider } from './real-transport.ts';
export { formatAddress, parseAddress, socketPathLimitBytes, type Address } from './address.ts';
export { DirectoryLock } from './directory-lock.ts';
export { listenOnPort } from './listen.ts';
export { UnixSocket } from './unix-socket.ts';
export { RealRandom } from './real-random.ts';
export { afterTurn, RealClock, RealTimers } from './real-time.ts';
export { backoffDelayMs, retry, type Backoff, type RetryOptions } from './backoff.ts';
export {
  abortError,
  combineSignals,
  onAbort,
  pause,
  raceAbort,
  sleep,
  throwIfAborted,
  withTimeout,
  type CombinedSignal,
  type TimeoutOptions,
} from './abort.ts';
export { formatBytes, gib, kib, mib, parseBytes, pib, tib } from './byte-size.ts';
export { formatDuration, parseDurationMs } from './duration.ts';
export { BoundedQueue } from './bounded-queue.ts';
export { exec, execOk, type ExecOptions, type ExecResult } from './exec.ts';
export * from './ids.ts';
export { KeyedLock } from './keyed-lock.ts';
export { NumberTable } from './number-table.ts';
export { messageOf, systemErrorCode } from './system-error.ts';
