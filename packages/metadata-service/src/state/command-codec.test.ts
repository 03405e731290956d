import { expect, test } from '@jest/globals';
import { isOpError, OpError } from '@holdfast/base';
import fc from 'fast-check';
import { decodeAnswer, decodeCommand, encodeCommand, encodeRefusal, encodeResult } from './command-codec.ts';
import { commands, type Command } from './commands.ts';
import { stateLimits } from './state-limits.ts';
import { nodeCommand, poolCommand, volumeCommand } from './state-testing.ts';

const entry = { logical: 1, length: 2, device: 3, start: 4, expect: { device: 5, start: 6 } };
const ofGrant = { session: 's', agent: 1, volume: 'v', epoch: 2 };
const readBack = { device: 'd', keys: ['k', 'l'], isAllRegistrants: true, stoppedBy: 'reset' } as const;
const samples: readonly Command[] = [
  poolCommand('pool', { drainBoundMs: 7 }),
  volumeCommand('v'),
  nodeCommand('n', { tornDown: [new Uint8Array([1])], after: 's' }),
  { kind: 'convert', ...ofGrant, revision: 3, entries: [entry, { ...entry, logical: 9, expect: null }] },
  { kind: 'discard', ...ofGrant, revision: 3, entries: [{ logical: 1, length: 2, expect: { device: 5, start: 6 } }] },
  { kind: 'intendGroup', intent: 'i', group: 'g', cut: 7, members: [{ volume: 'v', snapshot: 's', name: 'n' }] },
  {
    ...{ kind: 'intend', volume: 'v', intent: 'i', what: 'unmap', snapshot: null, name: null, start: 1, stop: 2 },
    expected: 3,
  },
  { kind: 'returnLeases', ...ofGrant, runs: [{ device: 5, start: 6, length: 7 }] },
  {
    kind: 'certifySession',
    session: 's',
    pool: 'p',
    as: 'preempted',
    evidence: { readBacks: [readBack], waitedInTerm: 4 },
    by: null,
    atMs: 5,
  },
];

test('what was written is what is read', () => {
  for (const command of samples) {
    const read = decodeCommand(encodeCommand(command));
    expect(read).toEqual(command);
    expect(encodeCommand(read)).toEqual(encodeCommand(command));
  }
});

test('bytes that are cut, changed or made up are refused with a row of the table, and never read as something unwritable', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(fc.constantFrom(...samples), fc.nat(200), fc.nat(255)).map(([sample, at, value]) => {
      const changed = encodeCommand(sample).slice();
      changed[at % changed.length] = value;
      return changed;
    }),
    fc.tuple(fc.constantFrom(...samples), fc.nat(200)).map(([sample, at]) => encodeCommand(sample).subarray(0, at)),
  );
  fc.assert(
    fc.property(bytes, (data) => {
      try {
        const command = decodeCommand(data);
        expect(Buffer.from(encodeCommand(command)).equals(data)).toBe(true);
      } catch (error) {
        expect(isOpError(error) && error.code.startsWith('STATE_COMMAND_')).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a command that is too large, or says more than it may, is neither written nor read', () => {
  const tooLong = 'n'.repeat(stateLimits.nameChars + 1);
  const refused: readonly Command[] = [
    volumeCommand(tooLong),
    volumeCommand(''),
    volumeCommand('v', { extents: 0 }),
    volumeCommand('v', { extents: 2 ** 41 }),
    volumeCommand('v', { attributes: 'x'.repeat(stateLimits.textChars + 1) }),
    { kind: 'convert', ...ofGrant, revision: 0, entries: Array.from({ length: 257 }, () => entry) },
  ];
  for (const command of refused) {
    expect(() => encodeCommand(command)).toThrow(expect.objectContaining({ code: 'STATE_COMMAND_MALFORMED' }));
  }
  const large = new Uint8Array(stateLimits.commandBytes + 1);
  expect(() => decodeCommand(large)).toThrow(expect.objectContaining({ code: 'STATE_COMMAND_MALFORMED' }));
});

test('an answer is read as it was given, and a refusal as the error that it was', () => {
  const answer = encodeResult('unpublish', { isDone: false, waitsFor: ['a', 'b'] });
  expect(decodeAnswer('unpublish', answer)).toEqual({ isDone: false, waitsFor: ['a', 'b'] });
  const { code, details } = new OpError('VOLUME_NOT_FOUND', { volume: 'v' });
  const refused = (): unknown => decodeAnswer('unpublish', encodeRefusal({ code, details }));
  expect(refused).toThrow(expect.objectContaining({ code, details, message: 'there is no volume v' }));
});

test('each command has a number of its own', () => {
  const numbers = Object.values(commands).map(({ code }) => code);
  expect(new Set(numbers).size).toBe(numbers.length);
});
