// A frame between two machines as people read it: requests and responses are JSON, the rest is what hosts say to each other.
import { isOpError } from '@holdfast/base';
import { decodeFrame, decodeHello, type Frame } from '@holdfast/metadata-service/internal';
import { toMemberId } from '@holdfast/raft';
import { formatMessage } from '@holdfast/raft/internal';
import { cluster } from './member-program.ts';

const openingBrace = 0x7b;

export function describeFrame(frame: Uint8Array, way: { readonly from: string; readonly to: string }): string {
  if (frame[0] === openingBrace) return Buffer.from(frame).toString();
  try {
    return tellFrame(decodeAny(frame, way));
  } catch (error) {
    if (!isOpError(error)) throw error;
    return `${frame.length} bytes that no member understands`;
  }
}

function decodeAny(frame: Uint8Array, { from, to }: { readonly from: string; readonly to: string }): Frame {
  const memberOf = (machine: string): ReturnType<typeof toMemberId> => toMemberId(Number(machine.slice(1)));
  const isHello = frame[0] === 1;
  if (isHello) return { kind: 'hello', hello: decodeHello(frame, from) };
  return decodeFrame(frame, { cluster, from: memberOf(from), to: memberOf(to) });
}

function tellFrame(frame: Frame): string {
  switch (frame.kind) {
    case 'hello':
      return `hello, for ${frame.hello.lane} frames`;
    case 'messages':
      return frame.messages.map((message) => formatMessage(message)).join('; ');
    case 'beats':
      return frame.beats.beats.map((message) => formatMessage(message)).join('; ') || 'is alive';
    case 'refused':
      return `refused: ${frame.error.message}`;
    case 'ping':
    case 'pong':
      return frame.kind;
  }
}
