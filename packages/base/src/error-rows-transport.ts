// The error table's rows for connections that carry frames.
import type { ErrorRow } from './error-table.ts';

export const transportErrorRows = {
  CONNECTION_BROKEN: {
    kind: 'unavailable',
    retriable: true,
    text: 'the connection to {peer} broke: {reason}',
    hint: 'Connect again with backoff; see whether the other side runs and the network lets it through.',
  },
  CONNECTION_CLOSED: {
    kind: 'unavailable',
    retriable: true,
    text: 'the connection to {peer} is closed',
    hint: 'Connect again.',
  },
  FRAME_MALFORMED: {
    kind: 'invalid',
    retriable: false,
    text: 'what {peer} sends are no frames: {reason}',
    hint: 'Something else speaks at this address, or only one side speaks TLS; compare the configurations of both.',
  },
  FRAME_TOO_LARGE: {
    kind: 'exhausted',
    retriable: false,
    text: 'a frame of {size} bytes, sent {direction} {peer}, is over the limit of {limit}',
    hint: 'Send it in parts; the limit holds on both sides.',
  },
  OUTBOUND_FULL: {
    kind: 'exhausted',
    retriable: true,
    text: '{peer} does not keep up: {waiting} bytes wait for it, and the limit is {limit}',
    hint: 'The other side or the network is too slow; wait for the connection to drain.',
  },
} as const satisfies Record<string, ErrorRow>;
