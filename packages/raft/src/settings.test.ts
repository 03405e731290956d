import { expect, test } from '@jest/globals';
import { checkSettings, settingsDefault, validate, type Settings } from './settings.ts';

test('the defaults can be used', () => {
  expect(validate(settingsDefault)).toEqual([]);
});

test.each<{ wrong: Partial<Settings>; says: string }>([
  { wrong: { heartbeatTicks: 0 }, says: 'heartbeatTicks is 0, but must be a whole number from 1.' },
  { wrong: { appendBytesMax: 1.5 }, says: 'appendBytesMax is 1.5, but must be a whole number from 1.' },
  { wrong: { termLeapMax: NaN }, says: 'termLeapMax is NaN, but must be a whole number from 1.' },
  {
    wrong: { electionTicks: 3, heartbeatTicks: 2 },
    says: 'electionTicks is 3, but must be at least twice heartbeatTicks (2), or one lost heartbeat costs an election.',
  },
  {
    wrong: { uncommittedBytesMax: 10 },
    says: 'proposalBytesMax is 1048576, but uncommittedBytesMax (10) would never let such a proposal in.',
  },
  {
    wrong: { heartbeatTicks: 5, sleepAfterTicks: 4 },
    says: 'sleepAfterTicks is 4, but must be 0 or at least heartbeatTicks (5): a group goes to sleep by a heartbeat.',
  },
])('$says', ({ wrong, says }) => {
  const settings = { ...settingsDefault, ...wrong };
  expect(validate(settings)).toEqual([says]);
  expect(() => checkSettings(settings)).toThrow(says);
});

test('every number is checked, so a setting cannot be added without its least value', () => {
  for (const name of Object.keys(settingsDefault)) {
    if (name === 'forwardProposals') continue;
    expect(validate({ ...settingsDefault, [name]: -1 })).toEqual([expect.stringContaining(`${name} is -1`)]);
  }
});
