// Node's errors from the operating system carry its name for what happened (ENOENT, EADDRINUSE) as `code`. Read from any
// object: an error that another realm made (a worker, a vm) is no instance of this realm's Error.

/** `'ENOENT'` and its like, or null for what is no such error. */
export function systemErrorCode(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}

/** What an unknown thrown thing says, without the name of its class. */
export function messageOf(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) return String(thrown.message);
  return String(thrown);
}
