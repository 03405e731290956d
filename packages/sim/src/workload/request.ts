// What a client of the simulated cluster says to a member, and what it hears: one frame each, numbered by the client, so that a frame
// which the network doubles is answered once.
import type { ErrorCode } from '@holdfast/base';
import type { ProposalId } from '@holdfast/raft';
import type { KeyValue } from '../judge/linearizability.ts';
import type { Action } from './command.ts';

export interface Request {
  readonly number: number;
  readonly key: string;
  readonly action: Action;
  /** null for a read. */
  readonly id: ProposalId | null;
  readonly padding: number;
}

export type Response =
  | { readonly number: number; readonly kind: 'answer'; readonly value: KeyValue }
  | { readonly number: number; readonly kind: 'refused'; readonly code: ErrorCode; readonly leader: number | null }
  /** Whether it happened or will happen nobody knows. */
  | { readonly number: number; readonly kind: 'unknown' };

export function encode(frame: Request | Response): Uint8Array {
  return Buffer.from(JSON.stringify(frame));
}

export function decodeRequest(frame: Uint8Array): Request {
  return JSON.parse(Buffer.from(frame).toString()) as Request;
}

export function decodeResponse(frame: Uint8Array): Response {
  return JSON.parse(Buffer.from(frame).toString()) as Response;
}
