// What machines and members of the real service say to one another: commands and answers of the service's own, in the hands of the leader's
// part where `api/agent-stream.ts` and `api/state-access.ts` hand them over. No bytes and no streams: rpc has its own tests.
import type { ErrorCode } from '@holdfast/base';
import type { ProposalId } from '@holdfast/raft';
import type { Command, CommandOf } from '@holdfast/metadata-service';
import type { Standing } from '@holdfast/metadata-service/internal';
import type { LookedUp } from '../fencing/ports.ts';
import type { Wire } from '../fencing/wire.ts';

export type ServiceRequest =
  /** Of an agent: the leader proposes it under an id of its own. */
  | { readonly kind: 'agent'; readonly command: Command }
  | { readonly kind: 'renew'; readonly session: string; readonly agent: number }
  /** Of a controller, which numbers its commands and repeats them under their numbers. */
  | { readonly kind: 'open-client' }
  | { readonly kind: 'propose'; readonly id: ProposalId; readonly command: Command }
  | { readonly kind: 'narrow'; readonly command: CommandOf<'intend'> }
  | { readonly kind: 'revision'; readonly volume: string }
  | { readonly kind: 'look'; readonly volume: string; readonly session: string }
  /** From the leader to a node: something waits for its session. */
  | { readonly kind: 'due' };

export type ServiceReply =
  | { readonly kind: 'done'; readonly result: object }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly details: Readonly<Record<string, string>> }
  | { readonly kind: 'standing'; readonly standing: Standing }
  | { readonly kind: 'looked'; readonly looked: LookedUp }
  | { readonly kind: 'not-leader' };

export type ServiceWire = Wire<ServiceRequest, ServiceReply>;

/** What became of a command. */
export type Outcome =
  | { readonly result: object; readonly refusal: null }
  | {
      readonly result: null;
      readonly refusal: { readonly code: ErrorCode; readonly details: Readonly<Record<string, string>> };
    };
