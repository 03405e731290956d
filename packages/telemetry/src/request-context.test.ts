import { expect, test } from '@jest/globals';
import { RealTimers, sleep } from '@holdfast/base';
import {
  currentRequest,
  openRequest,
  outgoingMetadata,
  requestIdKey,
  runInRequest,
  traceparentKey,
} from './request-context.ts';
import { countingRandom } from './testing.ts';

test('a request follows awaits and callbacks, and two at once do not mix', async () => {
  const random = countingRandom();
  const requests = [openRequest(random), openRequest(random)];
  const seen = await Promise.all(
    requests.map((request) =>
      runInRequest(request, async () => {
        await sleep(new RealTimers(), 0);
        await Promise.resolve();
        return currentRequest();
      }),
    ),
  );
  expect(seen[0]).toBe(requests[0]);
  expect(seen[1]).toBe(requests[1]);
  expect(currentRequest()).toBeNull();
});

test('a request crosses a process border: same request id and trace, another span whose parent is the caller', () => {
  const here = openRequest(countingRandom());
  const metadata = outgoingMetadata(here);
  const there = openRequest(
    { ...countingRandom(), bytes: (length) => new Uint8Array(length).fill(0xee) },
    { requestId: metadata[requestIdKey], traceparent: metadata[traceparentKey] },
  );
  expect(there.requestId).toBe(here.requestId);
  expect(there.trace.traceId).toBe(here.trace.traceId);
  expect(there.trace.parentSpanId).toBe(here.trace.spanId);
  expect(there.trace.spanId).toBe('ee'.repeat(8));
});

test.each([
  ['absent', null],
  ['empty', ''],
  ['with a line break, which would forge a log line', 'a\n{"level":"info"}'],
  ['of 129 characters', 'x'.repeat(129)],
])('a caller’s request id %s is replaced by our own', (_name, requestId) => {
  const request = openRequest(countingRandom(), { requestId, traceparent: null });
  expect(request.requestId).toMatch(/^00000000-0000-4000-8000-\d{12}$/);
});

test('a caller’s plain request id is kept', () => {
  expect(openRequest(countingRandom(), { requestId: 'pvc-7/stage:3', traceparent: null }).requestId).toBe(
    'pvc-7/stage:3',
  );
});
