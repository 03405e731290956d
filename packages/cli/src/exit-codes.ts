// Exit codes: what a script can tell from how the program ended. Numbers follow sysexits.h where it has one that fits, and
// timeout(1) and the shells elsewhere. docs/reference/exit-codes.md is generated from these tables.
import type { ErrorKind } from '@holdfast/base';

export interface ExitRow {
  readonly code: number;
  readonly meaning: string;
}

/** How a failure ends the process, by the kind of its row in the error table. */
export const exitCodes = {
  invalid: { code: 64, meaning: 'the command line, the configuration or the request is wrong' },
  'out-of-range': { code: 65, meaning: 'a value lies outside of what is possible' },
  'not-found': { code: 66, meaning: 'a file, a directory or a thing that was named is not there' },
  unauthenticated: { code: 67, meaning: 'no certificate, or one that is expired, revoked or of another cluster' },
  aborted: { code: 68, meaning: 'another operation was under way or won' },
  unavailable: { code: 69, meaning: 'a server or a resource is not available; the same request may succeed later' },
  internal: { code: 70, meaning: 'a defect in Holdfast' },
  exhausted: { code: 71, meaning: 'a limit, a quota or a disk is full' },
  exists: { code: 73, meaning: 'what was to be created exists' },
  'data-loss': { code: 74, meaning: 'data is damaged or lost' },
  precondition: { code: 75, meaning: 'the state of things does not allow it' },
  unsupported: { code: 76, meaning: 'the other side, or this machine, cannot do that' },
  denied: { code: 77, meaning: 'the caller may not do that' },
  timeout: { code: 124, meaning: 'it was not done in its time' },
  cancelled: { code: 130, meaning: 'it was called off' },
} as const satisfies Record<ErrorKind, ExitRow>;

/** How the process ends without a failure of its own. */
export const plainExits = {
  success: { code: 0, meaning: 'it worked; for a role: it was told to end and drained' },
  forced: { code: 79, meaning: 'a second SIGTERM or SIGINT came while the role drained; calls in flight were cut' },
  brokenPipe: { code: 141, meaning: 'whoever read the output went away' },
} as const satisfies Record<string, ExitRow>;
