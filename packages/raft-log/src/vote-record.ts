// The payload of a vote record: who was voted for in the term that the record's header holds, or nobody yet.
import { invariant } from '@holdfast/base';
import { readCounter, viewOf, writeCounter } from './format.ts';

export const votePayloadBytes = 8;
const at = { hasVote: 0, vote: 2 } as const;

export function encodeVote(vote: number | null): Uint8Array {
  const payload = new Uint8Array(votePayloadBytes);
  const view = viewOf(payload);
  view.setUint16(at.hasVote, vote === null ? 0 : 1, true);
  writeCounter(view, at.vote, vote ?? 0);
  return payload;
}

export function decodeVote(payload: Uint8Array): number | null {
  invariant(payload.length === votePayloadBytes, 'a vote record that verified has another length');
  const view = viewOf(payload);
  return view.getUint16(at.hasVote, true) === 0 ? null : readCounter(view, at.vote);
}
