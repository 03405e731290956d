import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Server as GrpcServer, ServerCredentials, type handleUnaryCall } from '@grpc/grpc-js';
import { join } from 'node:path';
import { OpError, sleep } from '@holdfast/base';
import type { Calls } from '../client/channel.ts';
import { loadMetadataServices } from '../generated/services.ts';
import { serve, type ServedService } from '../server/handlers.ts';
import { TestCluster, timers } from '../testing.ts';
import { bundleBytesMax, bundledCallsMax, bundleMethod, type Bundle } from './bundle-codec.ts';
import { openRequestsMax } from './bundle-server.ts';

type Services = Awaited<ReturnType<typeof loadMetadataServices>>;

const options = { timeoutMs: 20_000 };
let cluster: TestCluster;
let services: Services;

beforeAll(async () => {
  services = await loadMetadataServices();
  cluster = await TestCluster.create();
});
afterAll(async () => cluster.close());

/** Settings whose names say what becomes of the call. */
function settings(held: Promise<unknown>): ServedService {
  return serve(services.settingsService, {
    list: null,
    set: async ({ name, value }) => {
      if (name === 'held') await held;
      if (name === 'refused') throw new OpError('VOLUME_BUSY', { volume: value, reason: 'the test says so' });
      return {};
    },
  });
}

async function callsTo(
  served: ServedService[],
  role: 'admin' | 'csi' = 'admin',
): Promise<Calls<Services['settingsService']>> {
  const { address } = await cluster.serve({ services: served });
  const channel = cluster.connect(address, await cluster.keeperFor(role), { bundling: { timers } });
  return channel.calls(services.settingsService);
}

const set = (name: string, value = ''): { id: null; name: string; value: string } => ({ id: null, name, value });
const bundles = (): number => cluster.sink.records.filter((line) => line['msg'] === 'bundle').length;
const linesOf = (method: string): Record<string, unknown>[] =>
  cluster.sink.records.filter(
    (line) => line['msg'] === 'call' && line['side'] === 'server' && line['method'] === method,
  );

test('calls of one turn go as one, and each has its own answer or its own error', async () => {
  const calls = await callsTo([settings(Promise.resolve())]);
  const before = [bundles(), linesOf('Set').length];
  const outcomes = await Promise.allSettled([
    calls.set(set('a'), options),
    calls.set(set('refused', 'web'), options),
    calls.list({ isLocal: false }, options),
    calls.set(set('b'), options),
  ]);
  expect(outcomes.map((outcome): unknown => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason))).toEqual(
    [
      {},
      expect.objectContaining({ code: 'VOLUME_BUSY', details: { volume: 'web', reason: 'the test says so' } }),
      expect.objectContaining({ code: 'REMOTE_UNSUPPORTED' }),
      {},
    ],
  );
  expect(bundles() - (before[0] ?? 0)).toBe(1);
  // Only what failed has a line of its own.
  expect(linesOf('Set').slice(before[1])).toEqual([expect.objectContaining({ code: 'VOLUME_BUSY' })]);
});

test('a call that takes long holds up none of its bundle', async () => {
  const held = Promise.withResolvers<null>();
  const calls = await callsTo([settings(held.promise)]);
  const slow = calls.set(set('held'), options);
  await Promise.all([calls.set(set('a'), options), calls.set(set('b'), options)]);
  held.resolve(null);
  expect(await slow).toEqual({});
});

test('each call of a bundle is judged by the row of its method', async () => {
  const calls = await callsTo([settings(Promise.resolve())], 'csi');
  const outcomes = await Promise.allSettled([calls.set(set('a'), options), calls.set(set('b'), options)]);
  const refused = { status: 'rejected', reason: expect.objectContaining({ code: 'CALLER_NOT_ALLOWED' }) };
  expect(outcomes).toEqual([refused, refused]);
});

test('more calls than a bundle takes, and large ones, all arrive', async () => {
  const calls = await callsTo([settings(Promise.resolve())]);
  const many = Array.from({ length: 2 * bundledCallsMax + 1 }, async (_, at) => calls.set(set(`n${at}`), options));
  const large = Array.from({ length: 3 }, async () => calls.set(set('large', 'x'.repeat(bundleBytesMax)), options));
  expect(new Set((await Promise.all([...many, ...large])).map((answer) => JSON.stringify(answer)))).toEqual(
    new Set(['{}']),
  );
});

test('who reads no answers is asked for no more requests', async () => {
  const { list } = services.settingsService.methods;
  let begun = 0;
  const settings = { large: 'x'.repeat(1024) };
  const served = serve(services.settingsService, {
    list: async () => {
      begun++;
      return { settings, revision: 1n };
    },
    set: null,
  });
  const { address } = await cluster.serve({ services: [served] });
  const channel = cluster.connect(address, await cluster.keeperFor('admin'));
  const stream = { ...bundleMethod, requestStream: true, responseStream: true } as const;
  const calls = channel.calls({ name: bundleMethod.service, methods: { stream } });
  const body = list.encodeRequest({ isLocal: false });
  const ask = { path: list.path, timeoutMs: options.timeoutMs, requestId: '', traceparent: '', body };
  let asked = 0;
  const bundles = async function* (): AsyncGenerator<Bundle> {
    while (asked < 20 * openRequestsMax) {
      yield Array.from({ length: bundledCallsMax }, () => ({ ...ask, number: ++asked }));
    }
  };
  let answered = 0;
  let aheadMost = 0;
  for await (const answers of calls.stream(bundles(), options)) {
    answered += answers.length;
    // A server that went on meanwhile would get far.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    aheadMost = Math.max(aheadMost, begun - answered);
  }
  expect(answered).toBe(20 * openRequestsMax);
  // Some answers are between the two.
  expect(aheadMost).toBeLessThan(2 * openRequestsMax);
});

test('an urgent call does not take the time of the others', async () => {
  const calls = await callsTo([settings(new Promise(() => undefined))]);
  const urgent = calls.set(set('held'), { timeoutMs: 100 });
  const patient = [calls.set(set('a'), options), calls.set(set('b'), options)];
  await expect(urgent).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  expect(await Promise.all(patient)).toEqual([{}, {}]);
});

test('a server that stops waits for what is under way on a stream, and not for the stream', async () => {
  const held = Promise.withResolvers<null>();
  const server = await cluster.serve({ services: [settings(held.promise)] });
  const channel = cluster.connect(server.address, await cluster.keeperFor('admin'), { bundling: { timers } });
  const calls = channel.calls(services.settingsService);
  await calls.set(set('a'), options);
  const slow = calls.set(set('held'), options);
  // What comes behind it on the stream was answered, so the server has it.
  await calls.set(set('b'), options);
  const stopping = server.stop(600_000);
  const before = linesOf('Stream').length;
  held.resolve(null);
  expect(await slow).toEqual({});
  await stopping;
  expect(linesOf('Stream').slice(before)).toEqual([expect.objectContaining({ status: 'OK' })]);
  await expect(calls.set(set('c'), options)).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
});

test('a stream that is lost takes its calls along, and the next call goes on another', async () => {
  const keeper = await cluster.keeperFor('metadata');
  const first = await cluster.serve({ keeper, services: [settings(new Promise(() => undefined))] });
  const channel = cluster.connect(first.address, await cluster.keeperFor('admin'), { bundling: { timers } });
  const calls = channel.calls(services.settingsService);
  const lost = expect(calls.set(set('held'), options)).rejects.toMatchObject({ code: 'SERVER_STOPPING' });
  await calls.set(set('a'), options);
  await first.stop(0);
  await lost;
  await cluster.serve({ keeper, address: first.address, services: [settings(Promise.resolve())] });
  // The channel connects again after a while; until then it says so.
  const isAnswered = async (): Promise<boolean> =>
    calls.set(set('b'), options).then(
      () => true,
      () => false,
    );
  while (!(await isAnswered())) await sleep(timers, 20);
});

test('a server that knows no bundles gets each call by itself', async () => {
  const server = new GrpcServer();
  const { set: method } = services.settingsService.methods;
  let count = 0;
  const answer: handleUnaryCall<unknown, object> = (_call, callback) => {
    count++;
    callback(null, {});
  };
  server.register(method.path, answer, () => Buffer.alloc(0), method.decodeRequest, 'unary');
  const address = `unix:${join(cluster.directory, 'bare.sock')}`;
  await new Promise((resolve) => server.bindAsync(address, ServerCredentials.createInsecure(), resolve));
  const calls = cluster.connect(address, null, { bundling: { timers } }).calls(services.settingsService);
  for (const expected of [2, 4]) {
    expect(await Promise.all([calls.set(set('a'), options), calls.set(set('b'), options)])).toEqual([{}, {}]);
    expect(count).toBe(expected);
  }
  server.forceShutdown();
});

test('what is no bundle is refused, wherever it ends', () => {
  const request = {
    number: 1,
    path: '/a/B',
    timeoutMs: 300,
    requestId: 'r',
    traceparent: '',
    body: Buffer.from('body'),
  };
  const whole = bundleMethod.encodeRequest([request, request]);
  expect(bundleMethod.decodeRequest(whole)).toEqual([request, request]);
  const half = whole.length / 2;
  for (let length = 1; length < whole.length; length++) {
    if (length === half) continue;
    expect(() => bundleMethod.decodeRequest(whole.subarray(0, length))).toThrow('the bytes are not a message');
  }
  const many = bundleMethod.encodeRequest(Array.from({ length: bundledCallsMax + 1 }, () => request));
  expect(() => bundleMethod.decodeRequest(many)).toThrow('more than 256 calls');
});
