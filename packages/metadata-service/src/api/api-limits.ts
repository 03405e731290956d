// Every bound of the API by name. What one call may hold is bounded by rpc's message limit; these bound what it may ask for.

export interface ApiLimits {
  /** Items of a page that is asked for without a size. */
  readonly pageItemsDefault: number;
  readonly pageItemsMax: number;
  /** Of a page, roughly: it ends there, and the next one begins. */
  readonly pageBytesMax: number;
  /** Callers that watch this server's changes at one time. */
  readonly watchersMax: number;
  /** Changes of one answer, roughly: those of one revision stay together. */
  readonly changesPerAnswer: number;
  /** Between two answers to a watcher at least. */
  readonly watchRestMs: number;
  /** A watcher that nothing is told for so long is told how far it is. */
  readonly bookmarkMs: number;
}

export const apiLimitsDefault: ApiLimits = {
  pageItemsDefault: 100,
  pageItemsMax: 1_000,
  pageBytesMax: 1024 * 1024,
  watchersMax: 512,
  changesPerAnswer: 1_000,
  watchRestMs: 20,
  bookmarkMs: 5_000,
};
