import { expect, test } from '@jest/globals';
import type { ErrorCode } from './error-table.ts';
import { Ear } from './transport-worlds.ts';
import type { Connection, TransportLimits } from './transport.ts';
import type { NetworkObserver } from './virtual-connection.ts';
import type { LinkBehaviour } from './virtual-link.ts';
import { VirtualNetwork } from './virtual-network.ts';
import { VirtualTime } from './virtual-time.ts';

const refused = (code: ErrorCode): object => expect.objectContaining({ code });
const text = (content: string): Buffer => Buffer.from(content);
const told = (ear: Ear): string => ear.frames.map((frame) => frame.toString()).join('');

interface Scene {
  readonly time: VirtualTime;
  readonly network: VirtualNetwork;
  /** At node a, towards b. */
  readonly a: Ear;
  /** At node b, towards a. */
  readonly b: Ear;
}

async function scene(
  link: Partial<LinkBehaviour> = {},
  seed = 1,
  limits: Partial<TransportLimits> = {},
): Promise<Scene> {
  const time = new VirtualTime({ seed });
  const network = new VirtualNetwork({ time });
  const { promise: accepted, resolve } = Promise.withResolvers<Connection>();
  await network.transport(time.node('b'), limits).listen('b:7', resolve);
  const a = new Ear(await time.complete(network.transport(time.node('a'), limits).connect('b:7'), 1000));
  const b = new Ear(await time.complete(accepted, 1000));
  for (const [from, to] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const)
    network.link(from, to).behave(link);
  return { time, network, a, b };
}

function say(ear: Ear, words: string): void {
  for (const letter of words) ear.connection.send(text(letter));
}

test('frames take their time, in order although each delay is another', async () => {
  const { time, a, b } = await scene({ delayMinMs: 5, delayMeanMs: 20, delayMaxMs: 100 });
  const startMs = time.nowMs;
  const arrivals: number[] = [];
  b.onFrame = () => arrivals.push(time.nowMs - startMs);
  say(a, 'abcdefghij');
  await time.runUntilIdle();
  expect(told(b)).toBe('abcdefghij');
  expect(Math.min(...arrivals)).toBeGreaterThanOrEqual(5);
  expect(Math.max(...arrivals)).toBeLessThanOrEqual(100);
  expect(new Set(arrivals).size).toBeGreaterThan(1);
});

test('what a cut holds up arrives in order when it is mended, and the way back stays open meanwhile', async () => {
  const { time, network, a, b } = await scene();
  say(a, 'ab');
  network.cut('a', 'b');
  say(a, 'cd');
  say(b, 'x');
  await time.runFor(5000);
  expect([told(a), told(b)]).toEqual(['x', '']);
  say(a, 'e');
  network.mend('a', 'b');
  say(a, 'f');
  await time.runUntilIdle();
  expect(told(b)).toBe('abcdef');
});

test('a cut that lasts breaks the end that sends; the other one learns of it only when it sends itself', async () => {
  const { time, network, a, b } = await scene();
  network.cut('a', 'b');
  say(a, 'a');
  await time.runFor(60_000);
  expect([a.closings, b.closings]).toEqual([1, 0]);
  expect(await a.closed).toEqual(refused('CONNECTION_BROKEN'));
  network.heal();
  await time.runFor(60_000);
  expect([told(b), b.closings]).toEqual(['', 0]);
  say(b, 'b');
  await time.runUntilIdle();
  expect(await b.closed).toEqual(refused('CONNECTION_BROKEN'));
});

test('a partition separates its groups, a node in none is alone, and healing joins all', async () => {
  const time = new VirtualTime({ seed: 1 });
  const network = new VirtualNetwork({ time });
  const names = ['a', 'b', 'c', 'd'];
  const transports = new Map(
    names.map((name) => [name, network.transport(time.node(name), { connectTimeoutMs: 2500 })]),
  );
  for (const [name, transport] of transports) await transport.listen(`${name}:1`, () => undefined);
  const reaches = async (): Promise<string> => {
    const pairs = names.flatMap((from) => names.map((to) => [from, to] as const)).filter(([from, to]) => from !== to);
    const answers = pairs.map(async ([from, to]) => {
      const connection = await transports
        .get(from)
        ?.connect(`${to}:1`)
        .catch(() => null);
      return connection === null ? '' : `${from}${to}`;
    });
    return (await time.complete(Promise.all(answers), 60_000)).filter((pair) => pair !== '').join(' ');
  };
  network.partition([['a', 'b'], ['c']]);
  expect(await reaches()).toBe('ab ba');
  network.heal();
  expect(await reaches()).toBe('ab ac ad ba bc bd ca cb cd da db dc');
});

test('a connection that is asked for during a cut comes to be if the cut is mended in time', async () => {
  const { time, network } = await scene();
  network.cut('a', 'b');
  const connecting = network.transport(time.node('a')).connect('b:7');
  await time.runFor(2000);
  network.mend('a', 'b');
  expect((await time.complete(connecting, 3000)).isOpen).toBe(true);
});

test('the answer of a connection can be lost alone: the one side gives up, the other finds out when it sends', async () => {
  const { time, network } = await scene();
  const { promise: accepted, resolve } = Promise.withResolvers<Connection>();
  await network.transport(time.node('b')).listen('b:8', resolve);
  network.cut('b', 'a');
  await expect(time.complete(network.transport(time.node('a')).connect('b:8'), 10_000)).rejects.toThrow(
    'no answer in time',
  );
  network.heal();
  const there = new Ear(await accepted);
  say(there, 'anybody');
  await time.runUntilIdle();
  expect(await there.closed).toEqual(refused('CONNECTION_BROKEN'));
});

test('a clogged way delivers all of it late', async () => {
  const { time, network, a, b } = await scene();
  network.clog('a', 'b', 3000);
  say(a, 'abc');
  await time.runFor(2999);
  expect(told(b)).toBe('');
  await time.runFor(20);
  expect(told(b)).toBe('abc');
});

test('a connection that breaks loses what was under way behind the break, and never a frame before one that arrived', async () => {
  const endings = new Set<string>();
  for (let seed = 0; seed < 30; seed++) {
    const { time, a, b } = await scene({ breakRate: 0.1 }, seed);
    for (const letter of 'abcdefghij') if (a.connection.isOpen) say(a, letter);
    await time.runUntilIdle();
    expect('abcdefghij'.startsWith(told(b))).toBe(true);
    endings.add(`${told(b).length === 10 ? 'whole' : 'broken'} ${a.closings} ${b.closings}`);
  }
  expect([...endings].sort()).toEqual(['broken 1 1', 'whole 0 0']);
});

test('breakConnections breaks those between two nodes at both ends', async () => {
  const { time, network, a, b } = await scene();
  network.breakConnections('b', 'a');
  await time.runUntilIdle();
  expect(await Promise.all([a.closed, b.closed])).toEqual([refused('CONNECTION_BROKEN'), refused('CONNECTION_BROKEN')]);
});

test('a process that dies is heard of at once and hears nothing itself; its address is refused until another listens', async () => {
  const { time, network, a, b } = await scene();
  say(a, 'a');
  network.crash('b', 'process');
  time.node('b').crash();
  await time.runUntilIdle();
  expect(await a.closed).toEqual(refused('CONNECTION_BROKEN'));
  expect([told(b), b.closings]).toEqual(['', 0]);
  const again = network.transport(time.node('a')).connect('b:7');
  await expect(time.complete(again, 1000)).rejects.toThrow('connection refused');
});

test('a machine without power is not heard of: who sends breaks after a while, or at once when it is back', async () => {
  const { time, network, a } = await scene();
  network.crash('b', 'power');
  await time.runFor(60_000);
  expect(a.closings).toBe(0);
  say(a, 'a');
  await time.runFor(5000);
  expect(a.closings).toBe(0);
  network.up('b');
  await time.runFor(50);
  expect(await a.closed).toEqual(refused('CONNECTION_BROKEN'));

  const other = await scene();
  other.network.crash('b', 'power');
  say(other.a, 'a');
  await other.time.runFor(20_000);
  expect(other.a.closings).toBe(1);
});

test('a paused process takes what arrived when it goes on', async () => {
  const { time, a, b } = await scene();
  time.node('b').pause('stopped');
  say(a, 'abc');
  await time.runFor(10_000);
  expect([told(b), a.closings]).toEqual(['', 0]);
  time.node('b').resume();
  await time.runUntilIdle();
  expect(told(b)).toBe('abc');
});

test('as datagrams, frames are lost, doubled and overtaken, each by its own rate', async () => {
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const carried = async (link: Partial<LinkBehaviour>): Promise<string> => {
    const { time, a, b } = await scene({ delayMeanMs: 10, delayMaxMs: 100, ...link });
    say(a, letters);
    await time.runUntilIdle();
    expect(a.connection.bufferedBytes).toBe(0);
    return told(b);
  };
  const sorted = (word: string): string => word.split('').sort().join('');
  expect(await carried({})).toBe(letters);
  const lossy = await carried({ lossRate: 0.3 });
  expect(lossy).toBe(sorted(lossy));
  expect(lossy.length).toBeLessThan(26);
  const doubled = await carried({ duplicateRate: 0.3 });
  expect(doubled.length).toBeGreaterThan(26);
  expect([...new Set(sorted(doubled))].join('')).toBe(letters);
  const shuffled = await carried({ reorderRate: 0.3 });
  expect(shuffled).not.toBe(letters);
  expect(sorted(shuffled)).toBe(letters);
});

test('an observer reads along: each frame under its number where it is sent, where it is taken, and where it is lost', async () => {
  const time = new VirtualTime({ seed: 3 });
  const seen: string[] = [];
  const observer: NetworkObserver = {
    onFrame: (moment, { id, from, to, bytes }) =>
      seen.push(`${moment} ${id} ${from}>${to} ${Buffer.from(bytes).toString()}`),
  };
  const network = new VirtualNetwork({ time, observer });
  const { promise: accepted, resolve } = Promise.withResolvers<Connection>();
  await network.transport(time.node('b')).listen('b:7', resolve);
  const a = new Ear(await time.complete(network.transport(time.node('a')).connect('b:7'), 1000));
  const b = new Ear(await time.complete(accepted, 1000));
  say(a, 'x');
  await time.runUntilIdle();
  network.link('b', 'a').behave({ lossRate: 1 });
  say(b, 'y');
  await time.runUntilIdle();
  expect(seen).toEqual(['sent 1 a>b x', 'delivered 1 a>b x', 'lost 2 b>a y']);
});

test('who is suspended while a connection is made hears that it was not, rather than hold a dead one', async () => {
  const { network, time } = await scene({ delayMinMs: 10, delayMeanMs: 10 });
  const dialler = time.node('a');
  const connecting = network.transport(dialler).connect('b:7');
  await time.runFor(15);
  dialler.pause('suspended');
  await time.runFor(60_000);
  dialler.resume();
  await expect(time.complete(connecting, 1000)).rejects.toEqual(refused('SERVER_UNREACHABLE'));
});

test('one seed gives one story', async () => {
  const story = async (seed: number): Promise<string> => {
    const { time, a, b } = await scene({ delayMeanMs: 10, lossRate: 0.1, duplicateRate: 0.1, reorderRate: 0.2 }, seed);
    let heard = '';
    b.onFrame = (frame) => {
      heard += `${time.nowMs} ${frame.toString()}\n`;
    };
    for (let index = 0; index < 50; index++) say(a, String(index % 10));
    await time.runUntilIdle();
    return heard;
  };
  expect(await story(4)).toBe(await story(4));
  expect(await story(4)).not.toBe(await story(5));
});

test('an address of another node, a taken one, and a unix socket are refused', async () => {
  const { network, time } = await scene();
  const transport = network.transport(time.node('b'));
  await expect(transport.listen('a:7', () => undefined)).rejects.toEqual(refused('LISTEN_ADDRESS_UNUSABLE'));
  await expect(transport.listen('b:7', () => undefined)).rejects.toEqual(refused('LISTEN_ADDRESS_IN_USE'));
  await expect(transport.connect('unix:/socket')).rejects.toEqual(refused('SERVER_UNREACHABLE'));
});
