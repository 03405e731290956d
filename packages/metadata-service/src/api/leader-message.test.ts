// What an agent reads is what was meant, however often it is written.
import { expect, test } from '@jest/globals';
import { loadSessionsServices, type sessions } from '@holdfast/rpc';
import { rememberingStandings } from './leader-message.ts';

const { connect } = (await loadSessionsServices()).sessionsService.methods;

const grant: sessions.Grant = { volume: 'v', epoch: 2n ** 60n, mode: 'WRITE' };
const standing = (): sessions.LeaderMessage['body'] => {
  return { kind: 'standing', value: { grants: [grant], letGo: [grant], intents: [], preempt: [], prove: [] } };
};

test('a standing that is told again is written once, and has the number of each message that it answers', () => {
  let written = 0;
  const encode = rememberingStandings((message) => {
    if (message.body !== null) written += 1;
    return connect.encodeResponse(message);
  });
  const body = standing();
  for (const answers of [1n, 300n, 0n, 2n ** 63n]) {
    expect(connect.decodeResponse(encode({ answers, body }))).toEqual({ answers, body });
  }
  expect(written).toBe(1);
  encode({ answers: 5n, body: standing() });
  expect(written).toBe(2);
});

test('everything else is written as it is', () => {
  const encode = rememberingStandings(connect.encodeResponse);
  const message: sessions.LeaderMessage = { answers: 7n, body: { kind: 'grant', value: grant } };
  expect(encode(message)).toEqual(connect.encodeResponse(message));
});
