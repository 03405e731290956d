// A record in one line, for people: what it says, not how it is laid out. Fields of programs beside it.
import { formatBytes } from '@holdfast/base';
import type { FoundRecord } from './chunk-scan.ts';
import { decodeFooter } from './footer.ts';
import type { RecordKind } from './format.ts';
import { decodeState, type GroupState } from './group-state.ts';
import { decodeVote } from './vote-record.ts';
import type { RecordHeader } from './record-header.ts';

/** Records that say nothing about a group: how the batch is laid out, and what is kept twice. */
export function isLayout({ header }: FoundRecord): boolean {
  return header.isCopy || ['batch', 'table', 'gap'].includes(header.kind);
}

/** Whether the record is about one group and not about the chunk. */
export function isOfGroup({ kind }: RecordHeader): boolean {
  return !chunkKinds.includes(kind);
}

const chunkKinds: readonly RecordKind[] = ['batch', 'table', 'gap', 'close', 'checkpoint'];

export function tellRecord({ header, payload }: FoundRecord): string {
  const told = tellers[header.kind](header, payload);
  const whose = isOfGroup(header) ? `group ${header.group}: ` : '';
  return `${whose}${told}${header.isCopy ? ' (second copy)' : ''}${payload === null ? ', PAYLOAD DAMAGED' : ''}`;
}

type Teller = (header: RecordHeader, payload: Uint8Array | null) => string;

const tellers: Readonly<Record<RecordKind, Teller>> = {
  entry: (header, payload) => {
    const { index, term, isRepair } = header;
    return `entry ${index} of term ${term}${isRepair ? ', repaired' : ''}, ${contents(header, payload)}`;
  },
  vote: ({ term, isInDoubt }, payload) =>
    `term ${term}${payload === null ? '' : `, ${tellVote(decodeVote(payload))}`}${isInDoubt ? ', while a vote was lost' : ''}`,
  commit: ({ index }) => `committed up to ${index}`,
  truncate: ({ index }) => `everything after ${index} is cut`,
  purge: ({ index, term }) => `everything up to ${index} (term ${term}) is purged`,
  userData: (header, payload) => `user data, ${contents(header, payload)}`,
  snapshot: ({ index, term }) => `a snapshot up to ${index} (term ${term}) takes the place of the log`,
  create: () => 'created',
  destroy: () => 'destroyed',
  settle: () => 'settled: what was ambiguous no longer matters',
  state: (_header, payload) => (payload === null ? 'state' : `state: ${tellState(decodeState(payload))}`),
  checkpoint: ({ index }) => `checkpoint: the state of ${index} groups follows`,
  footer: ({ index }, payload) =>
    payload === null ? 'index' : `index of ${decodeFooter(payload).places.length} entries from ${index}`,
  close: () => 'the log was closed',
  batch: ({ term }) => `head of batch ${term}`,
  table: () => 'table of the batch',
  gap: () => 'gap',
};

function tellVote(vote: number | null): string {
  return vote === null ? 'no vote yet' : `voted for ${vote}`;
}

function tellState(state: GroupState): string {
  const { ambiguity, purgedIndex, lastIndex } = state;
  const parts = [
    `term ${state.term}, ${tellVote(state.vote)}`,
    lastIndex > purgedIndex ? `entries ${purgedIndex + 1} to ${lastIndex}` : `no entries after ${purgedIndex}`,
    `committed up to ${state.commit}`,
    ...(ambiguity === null ? [] : [`AMBIGUOUS from ${ambiguity.from} to ${ambiguity.to ?? 'nobody knows where'}`]),
    ...(state.isVoteLost ? ['VOTE LOST'] : []),
    ...(state.isUserDataLost ? ['USER DATA LOST'] : []),
  ];
  return parts.join(', ');
}

const previewBytes = 48;

function contents({ payloadBytes }: RecordHeader, payload: Uint8Array | null): string {
  const size = formatBytes(payloadBytes);
  if (payload === null || payloadBytes === 0) return size;
  const isCut = payload.length > previewBytes;
  const bytes = Buffer.from(payload.subarray(0, previewBytes));
  const text = bytes.toString('utf8');
  // Text is shown as text; a character that the cut halves does not make it binary.
  const isText = /^[^\p{C}\ufffd]+\ufffd?$/u.test(text);
  return `${size}: ${isText ? JSON.stringify(text.replace(/\ufffd$/, '')) : bytes.toString('hex')}${isCut ? '…' : ''}`;
}

/** The same for programs. The payload itself is left out unless it is asked for. */
export function recordFields({ header, position, payload }: FoundRecord): Readonly<Record<string, unknown>> {
  const { kind, group, index, term, payloadBytes } = header;
  return {
    position,
    kind,
    ...(isOfGroup(header) ? { group } : {}),
    ...(index === 0 ? {} : { index }),
    ...(term === 0 ? {} : { term }),
    ...(kind === 'vote' && payload !== null ? { vote: decodeVote(payload) } : {}),
    ...(header.isCopy ? { isCopy: true } : {}),
    ...(header.isRepair ? { isRepair: true } : {}),
    ...(header.isInDoubt ? { isInDoubt: true } : {}),
    payloadBytes,
    isIntact: payload !== null,
  };
}
