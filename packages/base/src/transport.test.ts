// The contract of Transport, held by TCP, TLS, unix sockets and the virtual network alike.
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ErrorCode } from './error-table.ts';
import { Ear, meet, transportWorlds, type TransportWorld } from './transport-worlds.ts';
import type { Connection, TransportLimits } from './transport.ts';

const refused = (code: ErrorCode): object => expect.objectContaining({ code });
const text = (content: string): Buffer => Buffer.from(content);
const told = (ear: Ear): string[] => ear.frames.map((frame) => frame.toString());

describe.each(transportWorlds)('$name', ({ make }) => {
  let world: TransportWorld;
  afterEach(() => world.end());

  async function ears(server: Partial<TransportLimits> = {}, client = server): Promise<{ here: Ear; there: Ear }> {
    world = make(server, client);
    const { here, there } = await meet(world);
    return { here: new Ear(here), there: new Ear(there) };
  }
  async function part(...all: Ear[]): Promise<void> {
    await world.complete(Promise.all(all.map(async (ear) => ear.connection.close())));
  }

  test('frames of any size arrive whole and in order, both ways', async () => {
    const { here, there } = await ears();
    const sizes = [0, 1, 7, 1023, 1024, 1025, 65_535, 65_536, 1_000_000, 3];
    const frames = sizes.map((size, index) => Buffer.alloc(size, index + 1));
    for (const frame of frames) {
      here.connection.send(frame);
      there.connection.send(frame);
    }
    await world.complete(Promise.all([here.heard(sizes.length), there.heard(sizes.length)]));
    for (const ear of [here, there]) {
      expect(ear.frames.map((frame) => frame.length)).toEqual(sizes);
      expect(ear.frames.every((frame, index) => frame.equals(frames[index] ?? Buffer.alloc(0)))).toBe(true);
    }
    await part(here, there);
  });

  test('pieces arrive as one frame', async () => {
    const { here, there } = await ears();
    here.connection.send([text('one '), new Uint8Array(0), text('frame')]);
    here.connection.send([text('a large '), Buffer.alloc(5000, 'x')]);
    here.connection.send([]);
    await world.complete(there.heard(3));
    expect(told(there)).toEqual(['one frame', `a large ${'x'.repeat(5000)}`, '']);
    await part(here, there);
  });

  test('what is sent before the other side starts is kept for it', async () => {
    world = make();
    const { here, there } = await meet(world);
    const speaker = new Ear(here);
    for (const word of ['a', 'b', 'c']) here.send(text(word));
    await world.complete(speaker.connection.drained());
    const listener = new Ear(there);
    await world.complete(listener.heard(3));
    expect(told(listener)).toEqual(['a', 'b', 'c']);
    await part(speaker, listener);
  });

  test('a frame over the limit is not sent, and the connection stays', async () => {
    const { here, there } = await ears({ maxFrameBytes: 100 });
    expect(() => here.connection.send(Buffer.alloc(101))).toThrow(refused('FRAME_TOO_LARGE'));
    here.connection.send(Buffer.alloc(100));
    await world.complete(there.heard(1));
    await part(here, there);
  });

  test('a frame over the limit of its receiver ends the connection there by name, here without a frame lost before it', async () => {
    const { here, there } = await ears({ maxFrameBytes: 100 }, { maxFrameBytes: 1000 });
    here.connection.send(text('before'));
    here.connection.send(Buffer.alloc(101));
    here.connection.send(text('after'));
    expect(await world.complete(there.closed)).toEqual(refused('FRAME_TOO_LARGE'));
    expect(await world.complete(here.closed)).toBeNull();
    expect(told(there)).toEqual(['before']);
  });

  test('frames for one who does not take them are bounded: send says wait, then it refuses, and what it took arrives', async () => {
    const { here, there } = await ears({ outboundLimitBytes: 8_000_000, drainBytes: 100_000 });
    there.connection.pause();
    const answers: boolean[] = [];
    const fill = (): void => {
      for (;;) answers.push(here.connection.send(Buffer.alloc(50_000)));
    };
    expect(fill).toThrow(refused('OUTBOUND_FULL'));
    expect(here.connection.bufferedBytes).toBeLessThanOrEqual(8_000_000);
    expect(answers[0]).toBe(true);
    expect(answers.at(-1)).toBe(false);
    there.connection.resume();
    await world.complete(here.connection.drained());
    expect(here.connection.bufferedBytes).toBeLessThanOrEqual(100_000);
    here.connection.send(text('end'));
    await world.complete(there.heard(answers.length + 1));
    expect(there.frames.at(-1)?.toString()).toBe('end');
    await part(here, there);
  });

  test('pause holds frames back from the very next one, and resume goes on in order', async () => {
    const { here, there } = await ears();
    there.onFrame = (frame) => {
      if (frame.toString() === 'b') there.connection.pause();
    };
    for (const word of ['a', 'b', 'c', 'd']) here.connection.send(text(word));
    await world.complete(there.heard(2));
    there.connection.send(text('ping'));
    await world.complete(here.heard(1));
    expect(told(there)).toEqual(['a', 'b']);
    there.connection.resume();
    await world.complete(there.heard(4));
    expect(told(there)).toEqual(['a', 'b', 'c', 'd']);
    await part(here, there);
  });

  test('close sends what waits and ends both sides in order, each told once', async () => {
    const { here, there } = await ears();
    for (let index = 0; index < 200; index++) here.connection.send(Buffer.alloc(10_000, index));
    const closing = here.connection.close();
    expect(here.connection.isOpen).toBe(false);
    await world.complete(Promise.all([closing, here.connection.close()]));
    expect(await world.complete(there.closed)).toBeNull();
    expect(await world.complete(here.closed)).toBeNull();
    expect(there.frames).toHaveLength(200);
    expect([here.closings, there.closings, there.connection.isOpen]).toEqual([1, 1, false]);
  });

  test('close does not wait for ever for one who does not take what is left', async () => {
    const { here, there } = await ears({ closeTimeoutMs: 50 });
    there.connection.pause();
    for (let index = 0; index < 100; index++) here.connection.send(Buffer.alloc(100_000));
    await world.complete(here.connection.close());
    expect(await world.complete(here.closed)).toBeNull();
    there.connection.destroy();
    expect(await world.complete(there.closed)).toBeNull();
  });

  test('destroy ends both sides at once, and the other one is told', async () => {
    const { here, there } = await ears();
    here.connection.destroy();
    here.connection.destroy();
    expect(await world.complete(here.closed)).toBeNull();
    const reason = await world.complete(there.closed);
    expect(reason === null || reason.code === 'CONNECTION_BROKEN').toBe(true);
    expect([here.closings, there.closings]).toEqual([1, 1]);
  });

  test('nothing is sent on a closed connection, and nobody waits for it to drain', async () => {
    const { here, there } = await ears();
    await part(here, there);
    expect(() => here.connection.send(text('late'))).toThrow(refused('CONNECTION_CLOSED'));
    await world.complete(here.connection.drained());
  });

  test('whoever waits for a connection to drain goes on when it closes', async () => {
    const { here, there } = await ears({ outboundLimitBytes: 20_000_000, drainBytes: 100 });
    there.connection.pause();
    while (here.connection.bufferedBytes < 10_000_000) here.connection.send(Buffer.alloc(1_000_000));
    const waiting = here.connection.drained();
    here.connection.destroy();
    await world.complete(waiting);
    there.connection.destroy();
  });

  test('one that closed before it was started is told when it starts', async () => {
    world = make({ closeTimeoutMs: 50 });
    const { here, there } = await meet(world);
    here.destroy();
    await world.complete(here.close());
    const late = new Ear(here);
    expect(await world.complete(late.closed)).toBeNull();
    there.destroy();
  });

  test('nobody listens: the connection is refused', async () => {
    world = make();
    const { here, there, address } = await meet(world);
    await expect(world.complete(world.client.connect(address))).rejects.toEqual(refused('SERVER_UNREACHABLE'));
    const [left, right] = [new Ear(here), new Ear(there)];
    left.connection.send(text('the connection that lives stays'));
    await world.complete(right.heard(1));
    await part(left, right);
  });

  test('an address is listened on once, and again after its listener closed', async () => {
    world = make();
    const ignore = (): void => undefined;
    const first = await world.complete(world.server.listen(world.address, ignore));
    await expect(world.complete(world.server.listen(first.address, ignore))).rejects.toEqual(
      refused('LISTEN_ADDRESS_IN_USE'),
    );
    await world.complete(first.close());
    const second = await world.complete(world.server.listen(first.address, ignore));
    await world.complete(second.close());
  });

  test('a listener takes its limit of connections and no more', async () => {
    world = make({ connectionsLimit: 1 });
    const accepted: Connection[] = [];
    const listener = await world.complete(
      world.server.listen(world.address, (connection) => accepted.push(connection)),
    );
    const first = await world.complete(world.client.connect(listener.address));
    const second = world.client.connect(listener.address).then(
      async (connection) => new Ear(connection).closed,
      (error: unknown) => error,
    );
    await world.complete(second);
    expect(accepted).toHaveLength(1);
    await world.complete(listener.close());
    for (const connection of [first, ...accepted]) connection.destroy();
  });

  test.each(['nonsense', 'host:', 'host:99999', 'unix:relative', '::1:80', ''])('%p is no address', async (address) => {
    world = make();
    await expect(world.client.connect(address)).rejects.toEqual(refused('ADDRESS_MALFORMED'));
    await expect(world.server.listen(address, () => undefined)).rejects.toEqual(refused('ADDRESS_MALFORMED'));
  });
});
