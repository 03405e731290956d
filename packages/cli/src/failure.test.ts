import { expect, test } from '@jest/globals';
import { OpError } from '@holdfast/base';
import { failureText, printable } from './failure.ts';

test('a failure is one line without control characters, and its stacks follow only where they were asked for', () => {
  const error = new OpError(
    'ARGUMENT_WRONG',
    { argument: 'NAME', reason: 'is\n  "\u001b[2J"' },
    { cause: new TypeError('why') },
  );
  expect(failureText(error, false)).toMatch(/^holdfast: NAME is "\?\[2J" \[ARGUMENT_WRONG\]\. See /);
  expect(failureText(error, false)).not.toContain('\n');
  expect(failureText(error, true)).toContain('TypeError: why\n    at ');
  expect(failureText(new RangeError('x'), false)).toMatch(/^holdfast: internal error: x \[INTERNAL\]\./);
  expect(printable('a\r\nb\tc')).toBe('a b?c');
});
