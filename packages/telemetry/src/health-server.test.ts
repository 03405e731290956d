import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import { OpError, RealClock, RealTimers } from '@holdfast/base';
import { HealthServer } from './health-server.ts';
import { createLog } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { measureProcess } from './process-metrics.ts';
import { LineSink } from './testing.ts';

const clock = new RealClock();
const timers = new RealTimers();
let metrics: Metrics;
let server: HealthServer;

async function start(port = 0, requestLimitMs = 5_000): Promise<HealthServer> {
  const log = await createLog({ role: 'test', node: null, level: 'info', clock, sink: new LineSink() });
  return HealthServer.start({ host: '127.0.0.1', port, metrics, timers, log, requestLimitMs });
}
const ask = async (path: string, method = 'GET'): Promise<Response> =>
  fetch(`http://127.0.0.1:${server.port}${path}`, { method, headers: { connection: 'close' } });

beforeEach(async () => {
  metrics = await createMetrics();
  server = await start();
});
afterEach(async () => server.stop(1000));

describe('the health server', () => {
  test('is alive at once, and ready when its role says so and every check holds', async () => {
    expect((await ask('/healthz')).status).toBe(200);
    expect((await ask('/readyz')).status).toBe(503);
    server.checks.setReady(true);
    server.checks.add('disk', async () => Promise.resolve());
    const response = await ask('/readyz');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ ready: true, checks: { started: 'ok', disk: 'ok' } });
  });

  test('names the check that fails, with code and hint', async () => {
    server.checks.setReady(true);
    const problem = new OpError('QUEUE_FULL', { queue: 'proposals', limit: 1 });
    server.checks.add('queue', async () => Promise.reject(problem));
    const response = await ask('/readyz');
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ ready: false, checks: { started: 'ok', queue: problem.line } });
  });

  test('answers although a check hangs, and aborts what it no longer waits for', async () => {
    server.checks.setReady(true);
    let aborted = false;
    server.checks.add('array', async (signal) => {
      signal.addEventListener('abort', () => (aborted = true));
      return new Promise(() => undefined);
    });
    const body = (await (await ask('/readyz')).json()) as { checks: { array: string } };
    expect(body.checks.array).toContain('[TIMED_OUT]');
    expect(aborted).toBe(true);
  });

  test('serves the process measurements to a scraper', async () => {
    const stop = measureProcess(metrics, { version: '1.2.3', commit: 'abc', role: 'test' }, clock);
    const text = await (await ask('/metrics')).text();
    stop();
    expect(text).toContain('holdfast_build_info{version="1.2.3",commit="abc",role="test"} 1');
    expect(text).toMatch(/^holdfast_process_resident_memory_bytes [1-9]\d+$/m);
    expect(text).toMatch(/^holdfast_process_open_fds [1-9]\d*$/m);
    expect(text).toMatch(/^holdfast_event_loop_lag_seconds\{stat="p99"\} \d/m);
  });

  test('knows three paths and two methods', async () => {
    expect((await ask('/')).status).toBe(404);
    expect((await ask('/healthz', 'POST')).status).toBe(405);
    expect(await (await ask('/healthz', 'HEAD')).text()).toBe('');
  });

  test('says which port is taken', async () => {
    await expect(start(server.port)).rejects.toMatchObject({ code: 'LISTEN_ADDRESS_IN_USE' });
  });

  test('hangs up on a client that sends its request a little at a time, and serves others meanwhile', async () => {
    const second = await start(0, 200);
    const socket = connect(second.port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    const closed = once(socket, 'close');
    await once(socket, 'connect');
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n');
    expect((await fetch(`http://127.0.0.1:${second.port}/healthz`, { headers: { connection: 'close' } })).status).toBe(
      200,
    );
    await closed;
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    await second.stop(1000);
  });

  test('runs a check once for all who ask while it runs', async () => {
    server.checks.setReady(true);
    let runs = 0;
    const held = Promise.withResolvers<null>();
    server.checks.add('disk', async () => {
      runs += 1;
      await held.promise;
    });
    const both = [server.checks.run(), server.checks.run()];
    held.resolve(null);
    expect(await both[0]).toBe(await both[1]);
    expect(runs).toBe(1);
    await server.checks.run();
    expect(runs).toBe(2);
  });

  test('does not wait for a client that sends nothing when it stops', async () => {
    const second = await start();
    const socket = connect(second.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write('GET /healthz HTTP/1.1\r\n');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => socket.destroy());
    await second.stop(50);
    await closed;
  });
});
