import { expect, test } from '@jest/globals';
import { volumeCommand } from '../state/state-testing.ts';
import { Realm } from './leader-testing.ts';

test('more commands than one client session takes are under way at once, and each is carried out once', async () => {
  const realm = await Realm.begin();
  await realm.pool();
  const commands = Array.from({ length: 600 }, (_, at) => volumeCommand(`v${at}`));
  const { proposer } = realm.leader;
  const answers = await realm.world.done(
    Promise.all(commands.map(async (command) => proposer.propose<'createVolume'>(command))),
  );
  expect(answers.map(({ volume }) => volume)).toEqual(commands.map(({ volume }) => volume));
  expect(realm.rows('SELECT COUNT(*) AS count FROM clients')).toEqual([{ count: 3 }]);
});

test('a client session that the state has forgotten is replaced by another one', async () => {
  const realm = await Realm.begin();
  await realm.pool();
  await realm.do<'forgetClients'>({ kind: 'forgetClients', openedBeforeMs: Number.MAX_SAFE_INTEGER });
  const { proposer } = realm.leader;
  await expect(realm.world.done(proposer.propose<'createVolume'>(volumeCommand('v')))).rejects.toMatchObject({
    code: 'CLIENT_UNKNOWN',
  });
  await realm.world.done(proposer.propose<'createVolume'>(volumeCommand('v')));
});
