import { expect, test } from '@jest/globals';
import type { CommandOf } from './commands.ts';
import { stateLimits } from './state-limits.ts';
import { Story } from './state-testing.ts';

const addresses = { peerAddress: 'm1:7401', apiAddress: 'm1:7400' };
const tokenHash = Buffer.from('hash of a token');
const found: CommandOf<'foundMember'> = { kind: 'foundMember', name: 'm1', ...addresses };
const invite = (name: string, endsMs = 900): CommandOf<'inviteMember'> => ({
  ...{ kind: 'inviteMember', name, tokenHash, endsMs, by: 'ada', atMs: 100 },
});
const admit = (name: string, properties: Partial<CommandOf<'admitMember'>> = {}): CommandOf<'admitMember'> => ({
  ...{ kind: 'admitMember', name, tokenHash, ...addresses, atMs: 200 },
  ...properties,
});

test('the first member founds the group once, and says so again without harm', () => {
  const story = new Story();
  expect([story.try(found), story.try(found)]).toEqual([null, null]);
  expect(story.try({ ...found, name: 'm2' })).toBe('MEMBER_EXISTS');
});

test('a token lets one server in, once, under a number that nobody had', () => {
  const story = new Story();
  story.do<'foundMember'>(found);
  story.do<'inviteMember'>(invite('m2'));
  expect(story.do<'admitMember'>(admit('m2'))).toEqual({ member: 2 });
  expect(story.try(admit('m2'))).toBe('MEMBER_EXISTS');
  story.do<'forgetMember'>({ kind: 'forgetMember', member: 2, by: 'ada', atMs: 300 });
  expect(story.try(admit('m2'))).toBe('MEMBER_TOKEN_REFUSED');
  story.do<'inviteMember'>(invite('m2'));
  expect(story.do<'admitMember'>(admit('m2'))).toEqual({ member: 3 });
});

test.each<{ why: string; command: CommandOf<'admitMember'> }>([
  { why: 'of another name', command: admit('m3') },
  { why: 'that is wrong', command: admit('m2', { tokenHash: Buffer.from('hash of another') }) },
  { why: 'that has ended', command: admit('m2', { atMs: 900 }) },
])('a token $why lets nobody in', ({ command }) => {
  const story = new Story();
  story.do<'foundMember'>(found);
  story.do<'inviteMember'>(invite('m2'));
  expect(story.try(command)).toBe('MEMBER_TOKEN_REFUSED');
});

test('a second invitation takes the place of the first, and a member is not invited', () => {
  const story = new Story();
  story.do<'foundMember'>(found);
  expect(story.try(invite('m1'))).toBe('MEMBER_EXISTS');
  story.do<'inviteMember'>(invite('m2'));
  story.do<'inviteMember'>({ ...invite('m2'), tokenHash: Buffer.from('a later one') });
  expect(story.try(admit('m2'))).toBe('MEMBER_TOKEN_REFUSED');
});

test('there are no more invitations than their limit, and those that ended make room', () => {
  const story = new Story();
  for (let at = 0; at < stateLimits.invitations; at++) story.do<'inviteMember'>(invite(`n${at}`));
  expect(story.try(invite('late'))).toBe('STATE_LIMIT_REACHED');
  expect(story.try({ ...invite('late', 2_000), atMs: 900 })).toBeNull();
});
