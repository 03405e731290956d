// Frames between members: every message comes out as it went in, and whatever else comes in is refused and does no harm.
import { describe, expect, test } from '@jest/globals';
import { isOpError, OpError } from '@holdfast/base';
import type { MemberId, Message } from '@holdfast/raft';
import fc from 'fast-check';
import { ByteReader, ByteWriter } from './bytes.ts';
import { decodeFrame, decodeHello, encodeBeats, encodeHello, encodeMessages, encodeRefused } from './frame.ts';
import { pingFrame, pongFrame, protocolVersion } from './frame.ts';
import { estimateBytes } from './message-codec.ts';

const route = { cluster: 'c', from: 1 as MemberId, to: 2 as MemberId };
const count = fc.oneof(fc.nat(300), fc.maxSafeNat());
const position = fc.record({ term: count, index: count });
const data = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const id = fc.record({ session: count, sequence: count });
const members = fc.array(count, { maxLength: 5 });
const configuration = fc.record({ voters: members, outgoing: members, learners: members, learnersNext: members });
const mark = fc.record({ id: fc.string(), index: count, term: count, configuration, version: count });
const entry = fc.record({
  index: count,
  term: count,
  kind: fc.constantFrom('empty', 'command', 'configuration', 'version'),
  proposal: fc.option(id),
  data,
});
const refusal = {
  code: fc.constantFrom('RAFT_OVERLOADED', 'RAFT_LEADER_CHANGED'),
  details: fc.dictionary(fc.string({ unit: 'grapheme-ascii' }), fc.string()),
};
const flag = fc.boolean();

/** One arbitrary for each kind of message; a kind without one does not compile. */
const bodies: Readonly<Record<Message['kind'], fc.Arbitrary<object>>> = {
  'pre-vote-request': fc.record({ candidacy: count, last: position }),
  'pre-vote-response': fc.record({
    candidacy: count,
    isGranted: flag,
    isSuspect: flag,
    context: count,
    last: position,
    voteFloor: count,
  }),
  'vote-request': fc.record({ last: position, isTransfer: flag, isRecovery: flag, context: count }),
  'vote-response': fc.record({ isGranted: flag }),
  append: fc.record({ previous: position, entries: fc.array(entry), commit: count }),
  'append-accepted': fc.record({ match: count, version: count }),
  'append-rejected': fc.record({ rejected: count, hint: position, version: count, isDamaged: flag }),
  commit: fc.record({ commit: count }),
  heartbeat: fc.record({ commit: count, context: count, sleepAt: fc.option(position) }),
  'heartbeat-response': fc.record({ context: count, isAsleep: flag, version: count }),
  'term-notice': fc.constant({}),
  'timeout-now': fc.constant({}),
  'read-request': fc.record({ id: count, boot: count }),
  'read-response': fc.record({ id: count, boot: count, index: fc.option(count) }),
  propose: fc.record({ proposals: fc.array(fc.record({ id, data, version: count })) }),
  'propose-refused': fc.record({ refusals: fc.array(fc.record({ id, ...refusal })) }),
  'snapshot-chunk': fc.record({ mark, offset: count, data, isLast: flag }),
  'snapshot-response': fc.record({ id: fc.string(), nextOffset: count }),
  'catch-up-request': fc.record({ context: count, lastIndex: count }),
  'catch-up-response': fc.record({ context: count, lastIndex: count }),
  'repair-request': fc.record({
    slots: fc.array(count),
    last: position,
    part: fc.option(fc.record({ id: fc.option(fc.string()), offset: count })),
  }),
  'repair-response': fc.record({ entries: fc.array(entry), place: fc.option(position) }),
  'repair-snapshot': fc.record({ mark, offset: count, data, isLast: flag, place: fc.option(position) }),
};

const message: fc.Arbitrary<Message> = fc
  .constantFrom(...(Object.keys(bodies) as Message['kind'][]))
  .chain((kind) =>
    fc
      .tuple(bodies[kind], count, count)
      .map(([body, group, term]) => ({ ...route, group, term, kind, ...body }) as unknown as Message),
  );

const frame = fc.oneof(
  fc.array(message, { minLength: 1, maxLength: 4 }).map(encodeMessages),
  fc.tuple(count, fc.array(message, { maxLength: 3 })).map(([incarnation, beats]) => {
    return encodeBeats({ ...route, incarnation, beats });
  }),
  fc.constantFrom(pingFrame, pongFrame, encodeRefused(new OpError('RAFT_PEER_UNKNOWN', { member: 7 }))),
);

describe('frames', () => {
  test.each(Object.keys(bodies) as Message['kind'][])('a %s comes out as it went in', (kind) => {
    fc.assert(
      fc.property(bodies[kind], count, count, (body, group, term) => {
        const sent = { ...route, group, term, kind, ...body } as unknown as Message;
        expect(decodeFrame(encodeMessages([sent, sent]), route)).toEqual({ kind: 'messages', messages: [sent, sent] });
        expect(encodeMessages([sent]).length).toBeLessThanOrEqual(4096 + estimateBytes(sent));
      }),
      { numRuns: 50 },
    );
  });

  test('a frame of heartbeats comes out as it went in', () => {
    fc.assert(
      fc.property(count, fc.array(message, { maxLength: 4 }), (incarnation, beats) => {
        const sent = { ...route, incarnation, beats };
        expect(decodeFrame(encodeBeats(sent), route)).toEqual({ kind: 'beats', beats: sent });
      }),
    );
  });

  test('a hello comes out as it went in, and says so of each lane', () => {
    for (const lane of ['urgent', 'bulk'] as const) {
      const hello = { version: protocolVersion, ...route, lane };
      expect(decodeHello(encodeHello(hello), 'peer')).toEqual(hello);
    }
  });

  test('a frame that is cut anywhere is another frame of whole messages, or refused', () => {
    fc.assert(
      fc.property(frame, fc.nat(), (bytes, at) => refusesOrReads(bytes.subarray(0, at % bytes.length))),
      { numRuns: 500 },
    );
  });

  test('a frame with any byte changed is read as something or refused, and never does harm', () => {
    fc.assert(
      fc.property(frame, fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, at, bits) => {
        const changed = Uint8Array.from(bytes);
        const position = at % bytes.length;
        changed[position] = (changed[position] ?? 0) ^ bits;
        refusesOrReads(changed);
      }),
      { numRuns: 1_000 },
    );
  });

  test('any bytes at all are read as something or refused', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), refusesOrReads), { numRuns: 2_000 });
  });

  test('what is read from foreign bytes is written as the same bytes again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
        bytes[0] = 2;
        const read = readOrNull(bytes);
        if (read?.kind === 'messages') expect([...encodeMessages(read.messages)]).toEqual([...bytes]);
      }),
      { numRuns: 5_000 },
    );
  });

  test('a refusal that only a later release knows arrives as a refusal', () => {
    const out = new ByteWriter(64);
    out.byte(6);
    out.text('RAFT_FROM_THE_FUTURE');
    out.counter(0);
    expect(decodeFrame(out.finish(), route)).toMatchObject({ kind: 'refused', error: { code: 'INTERNAL' } });
  });

  test('a hello of another version is refused as such, whatever follows', () => {
    const hello = encodeHello({ version: protocolVersion + 1, ...route, lane: 'bulk' });
    const later = Buffer.concat([hello, Buffer.from('more')]);
    expect(() => decodeHello(later, 'peer')).toThrow(
      "peer speaks version 2 of the members' protocol, and this is version 1",
    );
  });

  test.each([
    ['no hello', pingFrame],
    ['nothing', new Uint8Array()],
    ['a request of HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
  ])('%s in the place of a hello is refused', (_name, bytes) => {
    expect(() => decodeHello(bytes, 'peer')).toThrow(OpError);
  });
});

describe('numbers', () => {
  test('a counter takes as few bytes as it can, and comes back', () => {
    fc.assert(
      fc.property(count, (value) => {
        const out = new ByteWriter(0);
        out.counter(value);
        const bytes = out.finish();
        expect(bytes.length).toBe(Math.max(1, Math.ceil(Math.log2(value + 1) / 7)));
        expect(new ByteReader(bytes).counter()).toBe(value);
      }),
    );
  });

  test.each([
    ['above 2^53 - 1', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['without an end', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
    ['with a superfluous byte', [0x81, 0x00]],
  ])('a number %s is refused', (_name, bytes) => {
    expect(() => new ByteReader(Uint8Array.from(bytes)).counter()).toThrow('a number that is none');
  });

  test('a text that is not UTF-8 is refused', () => {
    expect(() => new ByteReader(Uint8Array.of(1, 0xff)).text()).toThrow('a text that is none');
  });
});

function readOrNull(bytes: Uint8Array): ReturnType<typeof decodeFrame> | null {
  try {
    return decodeFrame(bytes, route);
  } catch (error) {
    if (!isOpError(error)) throw error;
    expect(error.code).toBe('RAFT_MESSAGE_MALFORMED');
    return null;
  }
}

function refusesOrReads(bytes: Uint8Array): void {
  readOrNull(bytes);
}
