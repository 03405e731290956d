import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { invariant, OpError, sleep, type InvariantError } from '@holdfast/base';
import { currentRequest, openRequest, runInRequest } from '@holdfast/telemetry';
import type { Calls, Channel } from './client/channel.ts';
import { echoAccess, echoService, type Echo } from './echo-service.ts';
import { serve, type Handlers } from './server/handlers.ts';
import type { RpcServer } from './server/server.ts';
import { random, TestCluster, timers, until } from './testing.ts';

const timeoutMs = 5_000;
const limits = { messageLimitBytes: 1000 };
const code = (expected: string): object => expect.objectContaining({ code: expected });

/** What the handlers of this file saw last. */
const seen = { requestId: '', aborted: null as OpError | null, left: false };
const defects: InvariantError[] = [];

const answers: Record<string, () => string | Promise<string>> = {
  'an expected failure': () => {
    throw new OpError('QUEUE_FULL', { queue: 'proposals', limit: 64 });
  },
  'a defect': () => {
    throw new TypeError('the password is hunter2');
  },
  'a broken invariant': () => invariant(false, 'the log has a hole') as never,
  'an answer over the limit': () => 'x'.repeat(limits.messageLimitBytes + 1),
};

async function* count(upTo: number): AsyncGenerator<Echo, void, undefined> {
  for (let number = 1; number <= upTo; number++) yield { text: String(number) };
}

const handlers: Handlers<typeof echoService> = {
  unary: async ({ text }, call) => {
    seen.requestId = currentRequest()?.requestId ?? '';
    if (text === 'wait') {
      await sleep(timers, timeoutMs, call.signal).catch((error: unknown) => {
        seen.aborted = error as OpError;
      });
    }
    return { text: (await answers[text]?.()) ?? text };
  },
  async *download({ text }, call) {
    if (text === 'fail') {
      yield { text: '1' };
      throw new OpError('QUEUE_FULL', { queue: 'proposals', limit: 64 });
    }
    if (text === 'wait') yield { text: 'begun' };
    if (text === 'wait') await sleep(timers, timeoutMs, call.signal);
    try {
      yield* count(Number(text));
    } finally {
      seen.left = true;
    }
  },
  upload: async (requests) => {
    const texts: string[] = [];
    for await (const { text } of requests) texts.push(text);
    return { text: texts.join(' ') };
  },
  async *both(requests) {
    for await (const { text } of requests) yield { text: `${text}!` };
  },
};

let cluster: TestCluster;
let server: RpcServer;
let channel: Channel;
let call: Calls<typeof echoService>;

beforeAll(async () => {
  cluster = await TestCluster.create({ level: 'debug' });
  server = await cluster.serve({
    address: `unix:${join(cluster.directory, 'rpc.sock')}`,
    services: [serve(echoService, handlers)],
    access: echoAccess,
    limits,
    onDefect: (error) => defects.push(error),
  });
  channel = cluster.connect(server.address, null);
  call = channel.calls(echoService);
});
afterAll(async () => {
  await cluster.close();
});
beforeEach(() => {
  cluster.sink.lines.length = 0;
});

const logged = (side: string): Record<string, unknown>[] =>
  cluster.sink.records.filter((record) => record['msg'] === 'call' && record['side'] === side);

async function collect(messages: AsyncIterable<Echo>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of messages) texts.push(text);
  return texts;
}

describe('a call', () => {
  test('of each kind of method brings its messages across', async () => {
    expect(await call.unary({ text: 'hello' }, { timeoutMs })).toEqual({ text: 'hello' });
    expect(await collect(call.download({ text: '3' }, { timeoutMs }))).toEqual(['1', '2', '3']);
    expect(await call.upload(count(3), { timeoutMs })).toEqual({ text: '1 2 3' });
    expect(await collect(call.both(count(3), { timeoutMs }))).toEqual(['1!', '2!', '3!']);
    expect(await collect(call.download({ text: '0' }, { timeoutMs }))).toEqual([]);
    expect(await call.upload(count(0), { timeoutMs })).toEqual({ text: '' });
  });

  test('leaves one line on either side, with its sizes and its outcome', async () => {
    await call.unary({ text: 'hello' }, { timeoutMs });
    await until(() => logged('server').length > 0);
    const common = { service: 'holdfast.test.Echo', method: 'Unary', status: 'OK', code: null };
    expect(logged('server')).toEqual([
      expect.objectContaining({ ...common, level: 'info', peer: 'local', sent_bytes: 5, received_bytes: 5 }),
    ]);
    expect(logged('client')).toEqual([
      expect.objectContaining({ ...common, level: 'debug', peer: server.address, sent_bytes: 5, received_bytes: 5 }),
    ]);
  });

  test('carries the request id and the trace of the code that makes it', async () => {
    const request = openRequest(random, { requestId: 'pvc-7', traceparent: null });
    await runInRequest(request, async () => call.unary({ text: 'hello' }, { timeoutMs }));
    expect(seen.requestId).toBe('pvc-7');
    expect(logged('server')).toEqual([
      expect.objectContaining({ request_id: 'pvc-7', trace_id: request.trace.traceId }),
    ]);
  });

  test.each([
    ['QUEUE_FULL', 'RESOURCE_EXHAUSTED', 'an expected failure'],
    ['INTERNAL', 'INTERNAL', 'a defect'],
    ['MESSAGE_TOO_LARGE', 'RESOURCE_EXHAUSTED', 'an answer over the limit'],
    ['MESSAGE_TOO_LARGE', 'RESOURCE_EXHAUSTED', 'x'.repeat(limits.messageLimitBytes + 1)],
  ])('that fails with %s is %s to Kubernetes and the same error to our client', async (errorCode, status, text) => {
    await expect(call.unary({ text }, { timeoutMs })).rejects.toThrow(code(errorCode));
    await until(() => logged('server').length > 0);
    expect(logged('server')).toEqual([expect.objectContaining({ code: errorCode, status })]);
  });

  test('that meets a defect tells the client nothing of the inside, and the log everything', async () => {
    const outcome = call.unary({ text: 'a defect' }, { timeoutMs });
    await expect(outcome).rejects.toThrow(/^internal error: request [-0-9a-f]{36}$/);
    await until(() => logged('server').length > 0);
    expect(JSON.stringify(logged('client'))).not.toContain('hunter2');
    expect(JSON.stringify(logged('server'))).toContain('hunter2');
    expect(logged('server')).toEqual([expect.objectContaining({ level: 'error' })]);
  });

  test('that breaks an invariant is answered, and the process hears of it', async () => {
    await expect(call.unary({ text: 'a broken invariant' }, { timeoutMs })).rejects.toThrow(code('INTERNAL'));
    await expect(call.unary({ text: 'break' }, { timeoutMs })).rejects.toThrow(code('INTERNAL'));
    expect(defects.map((error) => error.message)).toEqual(['the log has a hole', 'the converters of a test may break']);
  });

  test('keeps the details of an error', async () => {
    const outcome = call.unary({ text: 'an expected failure' }, { timeoutMs });
    const details = { queue: 'proposals', limit: '64' };
    await expect(outcome).rejects.toThrow(expect.objectContaining({ kind: 'exhausted', details }));
  });

  test.each([Infinity, 0, -1, NaN])('with the time limit %d is not made', async (wrong) => {
    await expect(call.unary({ text: 'hello' }, { timeoutMs: wrong })).rejects.toThrow(code('DEADLINE_MISSING'));
  });

  test('that takes too long ends on both sides at its deadline', async () => {
    seen.aborted = null;
    await expect(call.unary({ text: 'wait' }, { timeoutMs: 60 })).rejects.toThrow(code('DEADLINE_EXCEEDED'));
    await until(() => seen.aborted !== null);
  });

  test('that its caller cancels ends on both sides', async () => {
    seen.aborted = null;
    const controller = new AbortController();
    const outcome = call.unary({ text: 'wait' }, { timeoutMs, signal: controller.signal });
    await until(() => cluster.sink.records.some((record) => record['msg'] === 'request'));
    controller.abort(new OpError('CANCELLED', { reason: 'the pod is gone' }));
    await expect(outcome).rejects.toThrow(code('CANCELLED'));
    await until(() => seen.aborted !== null);
    expect(seen.aborted).toMatchObject({ code: 'CALL_CANCELLED' });
  });
});

describe('a stream', () => {
  test('that fails in the middle gives what came before and then the error', async () => {
    const texts: string[] = [];
    const reading = async (): Promise<void> => {
      for await (const { text } of call.download({ text: 'fail' }, { timeoutMs })) texts.push(text);
    };
    await expect(reading()).rejects.toThrow(code('QUEUE_FULL'));
    expect(texts).toEqual(['1']);
  });

  test('whose reader leaves stops its handler', async () => {
    seen.left = false;
    for await (const { text } of call.download({ text: '100000' }, { timeoutMs })) if (text === '2') break;
    await until(() => seen.left);
  });

  test('is written no faster than it is read', async () => {
    const reader = call.download({ text: '1000000' }, { timeoutMs })[Symbol.asyncIterator]();
    await reader.next();
    let lastBytes = -1;
    const server = (): number => process.memoryUsage().arrayBuffers;
    for (let rounds = 0; rounds < 20 && server() !== lastBytes; rounds++) {
      lastBytes = server();
      await sleep(timers, 10);
    }
    seen.left = false;
    await reader.return?.();
    await until(() => seen.left);
    await until(() => logged('server').length > 0);
    expect(logged('server')[0]?.['sent_bytes']).toBeLessThan(1_000_000);
  });

  test('of requests that fails at its source ends with that error', async () => {
    async function* failing(): AsyncGenerator<Echo> {
      yield { text: '1' };
      throw new OpError('QUEUE_CLOSED', { queue: 'source' });
    }
    await expect(call.upload(failing(), { timeoutMs })).rejects.toThrow(code('QUEUE_CLOSED'));
  });
});

describe('the body of a request', () => {
  test('is logged at debug only, without its secrets', async () => {
    await call.unary({ text: 'hello' }, { timeoutMs });
    const requests = cluster.sink.records.filter(({ msg }) => msg === 'request');
    expect(requests.at(-1)).toMatchObject({ level: 'debug', body: { text: 'hello' } });
    cluster.log.setLevel('info');
    cluster.sink.lines.length = 0;
    await call.unary({ text: 'hello' }, { timeoutMs });
    cluster.log.setLevel('debug');
    expect(cluster.sink.records.filter(({ msg }) => msg === 'request')).toEqual([]);
  });
});
