// Every bound of the API by name. What one call may hold is bounded by rpc's message limit; these bound what it may ask for.

export interface ApiLimits {
  /** Items of a page that is asked for without a size. */
  readonly pageItemsDefault: number;
  readonly pageItemsMax: number;
  /** Of a page, roughly: it ends there, and the next one begins. */
  readonly pageBytesMax: number;
}

export const apiLimitsDefault: ApiLimits = {
  pageItemsDefault: 100,
  pageItemsMax: 1_000,
  pageBytesMax: 1024 * 1024,
};
