// What a caller may ask of the log, as values. Each is accepted or refused by `operation-rules.ts` before a byte of it is laid
// into a batch.
import type { Group } from './group.ts';

export interface NewEntry {
  readonly index: number;
  readonly term: number;
  /** The log keeps it for its readers: the caller does not change it afterwards. */
  readonly payload: Uint8Array;
}

export type GroupOperation =
  | { readonly kind: 'append'; readonly group: Group; readonly entries: readonly NewEntry[] }
  | { readonly kind: 'repair'; readonly group: Group; readonly entry: NewEntry }
  | { readonly kind: 'vote'; readonly group: Group; readonly term: number; readonly vote: number | null }
  | { readonly kind: 'commit'; readonly group: Group; readonly index: number }
  | { readonly kind: 'truncate'; readonly group: Group; readonly index: number }
  | { readonly kind: 'purge'; readonly group: Group; readonly index: number }
  | { readonly kind: 'snapshot'; readonly group: Group; readonly index: number; readonly term: number }
  | { readonly kind: 'userData'; readonly group: Group; readonly data: Uint8Array }
  | { readonly kind: 'settle'; readonly group: Group }
  | { readonly kind: 'create'; readonly group: Group }
  | { readonly kind: 'destroy'; readonly group: Group };

export type Operation = GroupOperation | { readonly kind: 'close' };

/** Operations that only add; the others give something up or keep the replica alive, and go on when the disk is full. */
export function isGrowth(operation: Operation): boolean {
  return operation.kind === 'append' || operation.kind === 'create' || operation.kind === 'userData';
}
