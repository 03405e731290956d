// What must never happen. A broken invariant means that memory can no longer be trusted, so the process ends and recovers
// from disk; nobody catches an InvariantError except the entry point, which prints it and exits.

export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** A message with numbers in it costs more than most conditions: where it matters, it is put together only once it is needed. */
export function invariant(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new InvariantError(typeof message === 'string' ? message : message());
}

/** The branch that the types say cannot be taken: the end of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${String(value)}`);
}
