import { expect, test } from '@jest/globals';
import { errorTable } from './error-table.ts';
import { OpError, toOpError } from './op-error.ts';

test('an OpError fills its text from its details and carries its row', () => {
  const error = new OpError('QUEUE_FULL', { queue: 'proposals', limit: 64 });
  expect(error.message).toBe('the queue proposals holds its limit of 64 items');
  expect(error.kind).toBe('exhausted');
  expect(error.line).toBe(
    'the queue proposals holds its limit of 64 items [QUEUE_FULL]. The process is overloaded; retry with backoff.',
  );
});

test('an unknown exception becomes INTERNAL and keeps its cause', () => {
  const cause = new TypeError('x is not a function');
  expect(toOpError(cause)).toMatchObject({ code: 'INTERNAL', cause });
  const known = new OpError('QUEUE_FULL', { queue: 'q', limit: 1 });
  expect(toOpError(known)).toBe(known);
});

test('every row is a line without a full stop and a hint that is a sentence', () => {
  for (const [code, row] of Object.entries(errorTable)) {
    expect(code).toMatch(/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/);
    expect(row.text).toMatch(/^[^A-Z\n][^\n]*[^.\n]$/);
    expect(row.hint).toMatch(/^[A-Z`][^\n]*[.?]$/);
  }
});
