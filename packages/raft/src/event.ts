// Everything that can happen to a replica. Whatever the outside world does (time, messages, clients, storage) arrives here
// as a value; whatever the replica wants done leaves as `Effects`.
import type { ConfigurationChange } from './configuration.ts';
import type { MemberId, Position } from './ids.ts';
import type { Message, Proposal, SnapshotMark } from './message.ts';

export type RaftEvent =
  /** A tick of time passed. */
  | { readonly kind: 'tick' }
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'propose'; readonly proposals: readonly Proposal[] }
  /** The ids grow with each read of this process; the host answers the read once it has applied the index that comes back. */
  | { readonly kind: 'read'; readonly ids: readonly number[] }
  | { readonly kind: 'change-configuration'; readonly changes: readonly ConfigurationChange[] }
  | { readonly kind: 'raise-version'; readonly version: number }
  | { readonly kind: 'transfer'; readonly to: MemberId }
  /** Stand for election at once, as after a start with a single member. */
  | { readonly kind: 'campaign' }
  /** This write, and all before it, are durable. */
  | { readonly kind: 'stored'; readonly ticket: number }
  /** The state up to `mark` is durable elsewhere, so the log up to there may go. */
  | { readonly kind: 'compact'; readonly mark: SnapshotMark }
  /** A part of the host's snapshot, as `snapshot-read` asked for it; null if there is none that reaches far enough. */
  | {
      readonly kind: 'snapshot-read';
      readonly to: MemberId;
      readonly repairs: Position | null;
      readonly chunk: {
        readonly mark: SnapshotMark;
        readonly offset: number;
        readonly data: Uint8Array;
        readonly isLast: boolean;
      } | null;
    }
  | { readonly kind: 'snapshot-written'; readonly id: string; readonly nextOffset: number }
  /** The snapshot is the state, durably; `false`: it was unusable (a checksum), and the old state stands. */
  | { readonly kind: 'snapshot-installed'; readonly id: string; readonly isInstalled: boolean }
  /** The process stood still for longer than the host trusts: what it led or waited for may be stale. */
  | { readonly kind: 'paused' }
  /** A sleeping group goes on; `isLeaderLost` if its leader's process is gone. */
  | { readonly kind: 'wake'; readonly isLeaderLost: boolean };
