import { expect, test } from '@jest/globals';
import { OpError } from '@holdfast/base';
import { leaderSettingsDefault } from './leader-settings.ts';
import { Realm } from './leader-testing.ts';
import { Renewals } from './renewals.ts';
import { Tenure } from './tenure.ts';

test('a session whose end is proposed has no answer until the state tells what became of it', async () => {
  const realm = await Realm.begin();
  const a = await realm.node('a');
  const { clock, timers } = realm.machine.node;
  const settings = { ...leaderSettingsDefault, roundMs: 0 };
  const tenure = new Tenure(settings, { term: 1, nowMs: 0, ending: new Map([[a.session, null]]), storm: null });
  const answered: string[] = [];
  const renewals = new Renewals({
    ...{ clock, timers, settings, applied: () => realm.applied },
    database: () => realm.stateOf(realm.machine).database,
    confirm: async () => Promise.resolve(),
    tenure: () => tenure,
    whyNotLeading: () => new OpError('RAFT_LEADER_UNKNOWN', {}),
    onAnswered: (session) => answered.push(session),
  });
  const outcome = async (): Promise<string> =>
    realm.world.done(
      renewals.add(a.by).then(
        () => 'answered',
        (error: unknown) => (error as OpError).code,
      ),
    );
  expect(await outcome()).toBe('SESSION_UNDECIDED');
  expect(tenure.hasHeard(a.session)).toBe(false);
  // Refused by the log, and asked again.
  tenure.ending.delete(a.session);
  expect(await outcome()).toBe('answered');
  expect(answered).toEqual([a.session]);
  // Nobody waits for the proposal's answer any more: its entry may stand in the log up to here, and not yet be applied.
  tenure.ending.set(a.session, realm.applied + 1);
  tenure.settleEnds(realm.applied);
  expect(await outcome()).toBe('SESSION_UNDECIDED');
  tenure.settleEnds(realm.applied + 1);
  expect(await outcome()).toBe('answered');
  // Proposed again, and ended meanwhile by somebody else: the state's word counts.
  tenure.ending.set(a.session, null);
  const end = { session: a.session, reason: 'override', term: 0, by: 'anna', atMs: 0 } as const;
  await realm.do<'endSession'>({ kind: 'endSession', ...end });
  expect(await outcome()).toBe('SESSION_ENDED');
});
