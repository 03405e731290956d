import { expect, test } from '@jest/globals';
import { nextOf, toDeviceId, toEpoch, toLogIndex, toNodeId, toTerm, toVolumeId, type Epoch, type Term } from './ids.ts';

const uuid = '0f8fad5b-d9cb-469f-a165-70867728950e';

test.each([-1, 0.5, Number.NaN, Infinity, 2 ** 53])('the number %p is no epoch', (value) => {
  expect(() => toEpoch(value)).toThrow(expect.objectContaining({ code: 'ID_MALFORMED' }));
});

test('a counter goes on by one, and not beyond what a number holds exactly', () => {
  expect(nextOf(toEpoch(0))).toBe(1);
  expect(() => nextOf(toLogIndex(Number.MAX_SAFE_INTEGER))).toThrow(expect.objectContaining({ code: 'ID_MALFORMED' }));
});

test.each(['', 'v1', uuid.toUpperCase(), `${uuid}\n`, uuid.replaceAll('-', ''), `../${uuid}`])(
  'the text %j is no volume id',
  (value) => {
    expect(() => toVolumeId(value)).toThrow(expect.objectContaining({ code: 'ID_MALFORMED' }));
  },
);

test.each(['', 'Worker', '-a', 'a-', 'a/b', '..', 'a b', 'x'.repeat(254)])('the text %j is no node id', (value) => {
  expect(() => toNodeId(value)).toThrow(expect.objectContaining({ code: 'ID_MALFORMED' }));
});

test('ids are the plain values that they were made of', () => {
  expect([toVolumeId(uuid), toDeviceId(uuid), toNodeId('worker-1.example'), toTerm(7)]).toEqual([
    uuid,
    uuid,
    'worker-1.example',
    7,
  ]);
});

test('an epoch is no term, and a plain number is neither', () => {
  const useTerm = (term: Term): Term => term;
  const useEpoch = (epoch: Epoch): Epoch => epoch;
  // @ts-expect-error -- an epoch is no term
  useTerm(toEpoch(1));
  // @ts-expect-error -- nobody has checked it
  useEpoch(1);
  expect(useEpoch(nextOf(toEpoch(1)))).toBe(2);
});
