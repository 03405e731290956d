import { expect, test } from '@jest/globals';
import { InvariantError, OpError } from '@holdfast/base';
import { createLog, logLevels, type LogLevel, type RootLog } from './log.ts';
import { openRequest, runInRequest } from './request-context.ts';
import { countingRandom, LineSink, standingClock } from './testing.ts';

async function openLog(level: LogLevel = 'debug'): Promise<{ log: RootLog; sink: LineSink }> {
  const sink = new LineSink();
  const clock = standingClock(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  return { sink, log: await createLog({ role: 'agent', node: 'worker-1', level, clock, sink }) };
}

test('a line is JSON with the same first fields every time', async () => {
  const { log, sink } = await openLog();
  log.info('volume opened', { volume: 'v1', attempt: 2, reason: null });
  expect(JSON.parse(sink.lines[0] ?? '')).toEqual({
    level: 'info',
    time: '2026-01-02T03:04:05.678Z',
    role: 'agent',
    node: 'worker-1',
    request_id: null,
    trace_id: null,
    span_id: null,
    volume: 'v1',
    attempt: 2,
    reason: null,
    msg: 'volume opened',
  });
});

test('a line of a request carries its id, trace and span, in children too', async () => {
  const { log, sink } = await openLog();
  const request = openRequest(countingRandom());
  runInRequest(request, () => {
    log.child({ volume: 'v1' }).info('staged');
  });
  expect(sink.last).toMatchObject({
    volume: 'v1',
    request_id: request.requestId,
    trace_id: request.trace.traceId,
    span_id: request.trace.spanId,
  });
});

test('the level changes at run time, in children that exist already', async () => {
  const { log, sink } = await openLog('warn');
  const child = log.child({ part: 'raft' });
  child.info('quiet');
  log.setLevel('debug');
  child.debug('loud');
  log.setLevel('error');
  child.warn('quiet again');
  expect(sink.records.map((record) => record['msg'])).toEqual(['loud']);
  expect(log.level).toBe('error');
});

test('a level lets itself and what is graver through', async () => {
  for (const threshold of logLevels) {
    const { log, sink } = await openLog(threshold);
    for (const level of logLevels) log.write(level, level);
    const expected = logLevels.slice(logLevels.indexOf(threshold));
    expect(sink.records.map((record) => record['level'])).toEqual(expected);
    expect(logLevels.filter((level) => log.isEnabled(level))).toEqual(expected);
  }
});

test('an expected error is its row without a stack', async () => {
  const { log, sink } = await openLog();
  const error = new OpError('QUEUE_FULL', { queue: 'proposals', limit: 64 }, { cause: new Error('disk is slow') });
  log.error('proposal refused', { error });
  expect(sink.last['error']).toEqual({
    code: 'QUEUE_FULL',
    kind: 'exhausted',
    message: 'the queue proposals holds its limit of 64 items',
    hint: 'The process is overloaded; retry with backoff.',
    cause: 'disk is slow',
    stack: null,
  });
});

test('a defect is told with the stack of where it happened', async () => {
  const { log, sink } = await openLog();
  const cause = new TypeError('x is not a function');
  for (const error of [
    cause,
    new InvariantError('term went back'),
    new OpError('INTERNAL', { reason: 'x' }, { cause }),
  ]) {
    log.error('failed', { error });
    expect(sink.last['error']).toMatchObject({ kind: 'internal', stack: expect.stringContaining('log.test.ts') });
  }
});

test('64-bit numbers are exact, bytes are counted, long and deep values are cut and say so', async () => {
  const { log, sink } = await openLog();
  log.info('odd values', {
    epoch: 2n ** 64n - 1n,
    nested: { index: 9007199254740993n, list: [1n] },
    bytes: new Uint8Array(12),
    ratio: Number.NaN,
    text: 'x'.repeat(5000),
    list: Array.from({ length: 100 }, (_, index) => index),
    wide: Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`key${index}`, index])),
    deep: { a: { b: { c: { d: { e: { f: { g: 1 } } } } } } },
  });
  const record = sink.last;
  expect(record).toMatchObject({
    epoch: '18446744073709551615',
    nested: { index: '9007199254740993', list: ['1'] },
    bytes: '<12 bytes>',
    ratio: 'NaN',
  });
  expect(record['text']).toBe(`${'x'.repeat(4096)}… (5000 characters)`);
  expect(record['list']).toHaveLength(65);
  expect(record['list']).toContain('… (100 items)');
  expect(record['wide']).toMatchObject({ key63: 63, '…': '(100 entries)' });
  expect(JSON.stringify(record['deep'])).toContain('<nested too deep>');
});

test('a line break in a message cannot forge a second line', async () => {
  const { log, sink } = await openLog();
  log.warn('a\n{"level":"error"}', { text: 'b\nc\u2028d' });
  expect(sink.lines).toHaveLength(1);
  expect(sink.last['msg']).toBe('a\n{"level":"error"}');
});

test('a field that the log writes itself does not compile', async () => {
  const { log } = await openLog('error');
  // @ts-expect-error -- msg would stand in the line twice
  log.info('message', { msg: 'another' });
  // @ts-expect-error -- none is null
  log.info('message', { volume: undefined });
});
