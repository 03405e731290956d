// The messages between members as bytes: a table of each kind's number and fields. Whom it is from, for whom, and of which
// cluster the connection's first frame has said, so it is not repeated. Numbers are never given twice; fields are written
// in the order of the table.
import { invariant, type LogIndex, type Term } from '@holdfast/base';
import type { Envelope, Message, MessageBody, MessageKind } from '@holdfast/raft';
import { malformed, type ByteReader, type ByteWriter } from './bytes.ts';
import {
  bytes,
  counter,
  entry,
  flag,
  list,
  mark,
  nullable,
  position,
  proposal,
  proposalRefusal,
  record,
  text,
  type Field,
} from './fields.ts';

type Body<Kind extends MessageKind> = Extract<MessageBody, { readonly kind: Kind }>;
type Fields<Body> = { readonly [Name in Exclude<keyof Body, 'kind'>]-?: Field<Body[Name]> };
type Row<Kind extends MessageKind> = readonly [number: number, fields: Fields<Body<Kind>>];

const count = counter<number>();
const term = counter<Term>();
const index = counter<LogIndex>();
const part = record({ id: nullable(text), offset: count });

const table: { readonly [Kind in MessageKind]: Row<Kind> } = {
  'pre-vote-request': [1, { candidacy: term, last: position }],
  'pre-vote-response': [
    2,
    { candidacy: term, isGranted: flag, isSuspect: flag, context: count, last: position, voteFloor: term },
  ],
  'vote-request': [3, { last: position, isTransfer: flag, isRecovery: flag, context: count }],
  'vote-response': [4, { isGranted: flag }],
  append: [5, { previous: position, commit: index, entries: list(entry) }],
  'append-accepted': [6, { match: index, version: count }],
  'append-rejected': [7, { rejected: index, hint: position, version: count, isDamaged: flag }],
  commit: [8, { commit: index }],
  heartbeat: [9, { commit: index, context: count, sleepAt: nullable(position) }],
  'heartbeat-response': [10, { context: count, isAsleep: flag, version: count }],
  'term-notice': [11, {}],
  'timeout-now': [12, {}],
  'read-request': [13, { id: count, boot: count }],
  'read-response': [14, { id: count, boot: count, index: nullable(index) }],
  propose: [15, { proposals: list(proposal) }],
  'propose-refused': [16, { refusals: list(proposalRefusal) }],
  'snapshot-chunk': [17, { mark, offset: count, isLast: flag, data: bytes }],
  'snapshot-response': [18, { id: text, nextOffset: count }],
  'catch-up-request': [19, { context: count, lastIndex: index }],
  'catch-up-response': [20, { context: count, lastIndex: index }],
  'repair-request': [21, { slots: list(index), last: position, part: nullable(part) }],
  'repair-response': [22, { entries: list(entry), place: nullable(position) }],
  'repair-snapshot': [23, { mark, offset: count, isLast: flag, data: bytes, place: nullable(position) }],
};

interface Codec {
  readonly kind: MessageKind;
  readonly number: number;
  readonly fields: readonly (readonly [name: string, field: Field<unknown>])[];
}

const codecs = Object.entries(table).map(([kind, [number, fields]]): Codec => {
  return { kind: kind as MessageKind, number, fields: Object.entries(fields) as [string, Field<unknown>][] };
});
const byKind = new Map(codecs.map((codec) => [codec.kind, codec]));
const byNumber = new Map(codecs.map((codec) => [codec.number, codec]));

/** What a message of this kind takes at most besides entries, proposals and parts of snapshots. */
const smallBytes = 64;
/** What an entry or a proposal takes at most besides its data. */
const itemBytes = 48;

/** Roughly what the message takes, so that the writer need not grow. */
export function estimateBytes(message: Message): number {
  switch (message.kind) {
    case 'append':
    case 'repair-response':
      return smallBytes + sum(message.entries);
    case 'propose':
      return smallBytes + sum(message.proposals);
    case 'snapshot-chunk':
    case 'repair-snapshot':
      return 8 * smallBytes + message.data.length;
    default:
      return smallBytes;
  }
}

function sum(items: readonly { readonly data: Uint8Array }[]): number {
  let bytes = 0;
  for (const { data } of items) bytes += itemBytes + data.length;
  return bytes;
}

export function writeMessage(to: ByteWriter, message: Message): void {
  const codec = byKind.get(message.kind);
  invariant(codec !== undefined, `a message of kind ${message.kind}`);
  to.byte(codec.number);
  to.counter(message.group);
  to.counter(message.term);
  const values = message as unknown as Readonly<Record<string, unknown>>;
  for (const [name, field] of codec.fields) field.write(to, values[name]);
}

export type Route = Pick<Envelope, 'cluster' | 'from' | 'to'>;

/** Throws RAFT_MESSAGE_MALFORMED for what is no message. */
export function readMessage(from: ByteReader, route: Route): Message {
  const codec = byNumber.get(from.byte());
  if (codec === undefined) throw malformed('a message of an unknown kind');
  const message: Record<string, unknown> = {
    cluster: route.cluster,
    group: from.counter(),
    from: route.from,
    to: route.to,
    term: from.counter(),
    kind: codec.kind,
  };
  for (const [name, field] of codec.fields) message[name] = field.read(from);
  return message as unknown as Message;
}
