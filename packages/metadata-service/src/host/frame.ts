// What one frame between two members says. The first byte is its kind; the first frame of a connection is a hello, which is of
// the same form in every version, so that members of different releases can tell each other that they are.
import { OpError, type OpError as Failure } from '@holdfast/base';
import type { BeatFrame, MemberId, Message } from '@holdfast/raft';
import { ByteReader, ByteWriter, malformed } from './bytes.ts';
import { refusal } from './fields.ts';
import { estimateBytes, readMessage, writeMessage, type Route } from './message-codec.ts';

export const protocolVersion = 1;

/** Votes and whatever is short on the one; entries and snapshots on the other, where they hold nothing up. */
export type Lane = 'urgent' | 'bulk';

export interface Hello {
  readonly version: number;
  readonly cluster: string;
  readonly from: MemberId;
  readonly to: MemberId;
  readonly lane: Lane;
}

export type Frame =
  | { readonly kind: 'hello'; readonly hello: Hello }
  | { readonly kind: 'messages'; readonly messages: readonly Message[] }
  | { readonly kind: 'beats'; readonly beats: BeatFrame }
  /** Who sends it wants to hear `pong` on the same connection. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'pong' }
  /** The connection is not taken; its end follows. */
  | { readonly kind: 'refused'; readonly error: Failure };

const kinds = { hello: 1, messages: 2, beats: 3, ping: 4, pong: 5, refused: 6 } as const;
const lanes: readonly Lane[] = ['urgent', 'bulk'];
/** Foreign bytes that happen to be a frame are told by it. */
const helloMark = 'holdfast raft';
const emptyBeatsBytes = 32;

export function encodeHello({ version, cluster, from, to, lane }: Hello): Uint8Array {
  const out = new ByteWriter(128);
  out.byte(kinds.hello);
  out.text(helloMark);
  out.counter(version);
  out.text(cluster);
  out.counter(from);
  out.counter(to);
  out.byte(lanes.indexOf(lane));
  return out.finish();
}

export function encodeMessages(messages: readonly Message[]): Uint8Array {
  let capacity = 1;
  for (const message of messages) capacity += estimateBytes(message);
  const out = new ByteWriter(capacity);
  out.byte(kinds.messages);
  for (const message of messages) writeMessage(out, message);
  return out.finish();
}

export function encodeBeats({ incarnation, beats }: BeatFrame): Uint8Array {
  const out = new ByteWriter(emptyBeatsBytes * (1 + beats.length));
  out.byte(kinds.beats);
  out.counter(incarnation);
  for (const beat of beats) writeMessage(out, beat);
  return out.finish();
}

export const pingFrame = Uint8Array.of(kinds.ping);
export const pongFrame = Uint8Array.of(kinds.pong);

export function encodeRefused({ code, details }: Failure): Uint8Array {
  const out = new ByteWriter(256);
  out.byte(kinds.refused);
  refusal.write(out, { code, details });
  return out.finish();
}

/** The first frame of a connection. Throws what the connection is refused for. */
export function decodeHello(frame: Uint8Array, peer: string): Hello {
  const from = new ByteReader(frame);
  if (from.byte() !== kinds.hello || from.text() !== helloMark) throw malformed('it does not begin with a hello');
  const version = from.counter();
  // What follows may be of another form there.
  if (version !== protocolVersion) {
    throw new OpError('RAFT_PROTOCOL_UNSUPPORTED', { peer, version, supported: protocolVersion });
  }
  const cluster = from.text();
  const hello = { version, cluster, from: from.counter() as MemberId, to: from.counter() as MemberId };
  const lane = lanes[from.byte()];
  if (lane === undefined) throw malformed('a hello of an unknown lane');
  from.expectEnd();
  return { ...hello, lane };
}

/** A frame behind the hello that named `route`. Throws RAFT_MESSAGE_MALFORMED. */
export function decodeFrame(frame: Uint8Array, route: Route): Frame {
  const from = new ByteReader(frame);
  const kind = from.byte();
  switch (kind) {
    case kinds.messages:
      return { kind: 'messages', messages: readAll(from, route) };
    case kinds.beats:
      return {
        kind: 'beats',
        beats: { ...route, incarnation: from.counter(), beats: readAll(from, route) },
      };
    case kinds.ping:
    case kinds.pong:
      from.expectEnd();
      return { kind: kind === kinds.ping ? 'ping' : 'pong' };
    case kinds.refused: {
      const { code, details } = refusal.read(from);
      from.expectEnd();
      return { kind: 'refused', error: new OpError(code, details) };
    }
    case kinds.hello:
      throw malformed('a second hello');
    default:
      throw malformed('a frame of an unknown kind');
  }
}

function readAll(from: ByteReader, route: Route): Message[] {
  const messages: Message[] = [];
  while (!from.isAtEnd) messages.push(readMessage(from, route));
  return messages;
}
