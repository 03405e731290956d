// What the key-value store of the simulator can be told, and what it answers: JSON, because traces show it. A command may carry
// padding, so that logs and snapshots grow as real ones do.
import type { KeyOperation, KeyValue } from '../judge/linearizability.ts';

export type Action = KeyOperation['action'];

export interface Command {
  readonly key: string;
  readonly action: Exclude<Action, { readonly kind: 'get' }>;
  readonly padding: string;
}

/** `forgotten`: the command took effect long ago, or never will, and its answer is not kept. */
export type Answer = { readonly value: KeyValue } | { readonly value: null; readonly forgotten: true };

export function encodeCommand(command: Command): Uint8Array {
  return Buffer.from(JSON.stringify(command));
}

export function decodeCommand(data: Uint8Array): Command {
  return JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.length).toString()) as Command;
}

export function encodeAnswer(answer: Answer): Uint8Array {
  return Buffer.from(JSON.stringify(answer));
}

export function decodeAnswer(bytes: Uint8Array): Answer {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()) as Answer;
}
