import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FrameReader, frameHeaderBytes, writeFrameHeader } from './frame-reader.ts';

const options = { peer: 'them', maxFrameBytes: 1000 };

function encoded(payload: Uint8Array): Buffer {
  const header = Buffer.alloc(frameHeaderBytes);
  writeFrameHeader(header, payload.length);
  return Buffer.concat([header, payload]);
}

test('frames come out as they went in, however the stream is cut into chunks and whenever they are asked for', () => {
  const frames = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 12 });
  const cuts = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(frames, cuts, fc.array(fc.boolean(), { minLength: 1 }), (sent, sizes, asks) => {
      const reader = new FrameReader(options);
      const stream = Buffer.concat(sent.map(encoded));
      const received: number[][] = [];
      const drain = (): void => {
        for (let frame = reader.next(); frame !== null; frame = reader.next()) received.push([...frame]);
      };
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1;
        reader.push(stream.subarray(at, at + size));
        at += size;
        if (asks[turn % asks.length] === true) drain();
      }
      drain();
      expect(received).toEqual(sent.map((frame) => [...frame]));
      expect(reader.isWithinFrame).toBe(false);
    }),
  );
});

test('a frame within one chunk is a view of it, and one that spans chunks is a copy', () => {
  const reader = new FrameReader(options);
  const stream = Buffer.concat([encoded(Buffer.from('view')), encoded(Buffer.from('copy'))]);
  reader.push(stream.subarray(0, -2));
  const view = reader.next() ?? new Uint8Array();
  expect(reader.next()).toBeNull();
  expect(reader.isWithinFrame).toBe(true);
  reader.push(stream.subarray(-2));
  const copy = reader.next() ?? new Uint8Array();
  stream.fill('!');
  expect([Buffer.from(view).toString(), Buffer.from(copy).toString()]).toEqual(['!!!!', 'copy']);
});

test.each([
  [
    'a request of HTTP',
    Buffer.from('GET / HTTP/1.1\r\n'),
    'what them sends are no frames: they begin with 474554202f204854',
  ],
  ['zeroes', Buffer.alloc(8), 'what them sends are no frames: they begin with 0000000000000000'],
  [
    'a frame over the limit',
    encoded(Buffer.alloc(1001)),
    'a frame of 1001 bytes, sent by them, is over the limit of 1000',
  ],
])('%s is refused as soon as its header is here', (_what, bytes, message) => {
  const reader = new FrameReader(options);
  reader.push(bytes.subarray(0, frameHeaderBytes));
  expect(() => reader.next()).toThrow(message);
});

test('every single flipped bit of a header is noticed', () => {
  for (let bit = 0; bit < frameHeaderBytes * 8; bit++) {
    const bytes = encoded(Buffer.from('payload'));
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const reader = new FrameReader(options);
    reader.push(bytes);
    expect(() => reader.next()).toThrow('what them sends are no frames');
  }
});
