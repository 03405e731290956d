// The service Changes: watchers read the feed of the state that this server has applied. Nothing is queued for them: one that does not
// read for long finds its revision forgotten, and is told so.
import { OpError, raceAbort, sleep, throwIfAborted, type Timers } from '@holdfast/base';
import type { CallContext, Change, Handlers, loadMetadataServices, WatchRequest, WatchResponse } from '@holdfast/rpc';
import type { MetadataService } from '../service.ts';
import { changesAfter, type Change as FeedChange } from '../state/feed.ts';
import type { ApiLimits } from './api-limits.ts';
import { fromChoice, toNumber } from './values.ts';

type Services = Awaited<ReturnType<typeof loadMetadataServices>>;

export interface ChangesParts {
  readonly service: Pick<MetadataService, 'machine' | 'applied'>;
  readonly limits: ApiLimits;
  readonly timers: Timers;
}

export function changesHandlers(parts: ChangesParts): Handlers<Services['changesService']> {
  let watchers = 0;
  return {
    async *watch(request, call) {
      const { watchersMax: limit } = parts.limits;
      if (watchers >= limit) throw new OpError('RAFT_OVERLOADED', { what: 'watchers of this server', limit });
      watchers++;
      try {
        yield* tell(parts, request, call);
      } finally {
        watchers--;
      }
    },
  };
}

async function* tell(
  { service, limits, timers }: ChangesParts,
  { after }: WatchRequest,
  { signal }: CallContext,
): AsyncGenerator<WatchResponse, void, undefined> {
  let told = toNumber(after, 'after');
  // The first answer says at once that the watch stands.
  let isBookmarkDue = true;
  for (;;) {
    throwIfAborted(signal);
    // Taken before the look: what is applied behind it ends the wait below.
    const { next } = service.applied;
    const { changes, revision } = changesAfter(service.machine.database, told, limits.changesPerAnswer);
    // A server may be behind the one that the caller's revision is from.
    told = Math.max(told, revision);
    if (changes.length > 0 || isBookmarkDue) yield { changes: changes.map(toMessage), revision: BigInt(told) };
    isBookmarkDue = false;
    if (changes.length >= limits.changesPerAnswer) continue;
    isBookmarkDue = await isSilentUntilBookmark(next, { signal, timers, bookmarkMs: limits.bookmarkMs });
    // So that many changes go as one answer.
    if (!isBookmarkDue) await sleep(timers, limits.watchRestMs, signal);
  }
}

function toMessage({ kind, key, revision, isDeleted }: FeedChange): Change {
  return { kind: fromChoice(kind), key, revision: BigInt(revision), isDeleted };
}

interface Patience {
  readonly signal: AbortSignal;
  readonly timers: Timers;
  readonly bookmarkMs: number;
}

async function isSilentUntilBookmark(next: Promise<null>, { signal, timers, bookmarkMs }: Patience): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = timers.after(bookmarkMs, () => late.resolve(true));
  try {
    return await raceAbort(Promise.race([next.then(() => false), late.promise]), signal);
  } finally {
    timer.cancel();
  }
}
