import { expect, test } from '@jest/globals';
import { emptyState, type MetadataState } from '../metadata/state.ts';
import { ExtentJudge } from './extent-judge.ts';

/** Two sessions that held grants in the pool; the first has ended and is not silent. */
function stateWith(place: 'mapped' | 'leased to the other' | 'leased to the ended' | 'nowhere'): MetadataState {
  const state = emptyState();
  for (const id of ['ended', 'other']) {
    state.sessions[id] = {
      ...{ id, node: id, generation: 1, incarnation: 1, bootId: id, secret: '', ttlMs: 1, drainMs: 1, agent: 1 },
      ...{ endedBy: id === 'ended' ? 'expired' : null, certificates: {}, silent: {} },
    };
  }
  const lease = { state: 'leased', volume: 'v', epoch: 1, references: 0, waitsFor: [] } as const;
  const session = place === 'leased to the other' ? 'other' : 'ended';
  state.pools['p'] = {
    ...{ name: 'p', fencing: 'lease', tier: 'kernel', isBestEffortTakeover: false, devices: [], fencesPerHourMax: 1 },
    extents: place.startsWith('leased') ? { 1: { ...lease, session, waitsFor: [] } } : {},
    ...{ extentCount: 1, openGeneration: 1, proof: null },
  };
  const map = place === 'mapped' ? { 0: { extent: 1, birth: 0 } } : {};
  state.volumes['v'] = {
    ...{ name: 'v', tenant: '', pool: 'p', isShared: false, extents: 1, epoch: 1, revision: 0, committedRevision: 0 },
    ...{ snapshotGeneration: 0, map, grants: [], lastWriteEpoch: 0, lastReadEpoch: 0, attachments: {}, intents: [] },
    ...{ decided: [], snapshots: {}, isDeleting: false },
  };
  return state;
}

test.each([
  ['a map named', 'mapped', 'ended'],
  ['the ended session had leased', 'leased to the ended', 'ended'],
  ['another session had leased, and no map ever named', 'leased to the other', null],
] as const)('what %s waits for a session that has ended and may still use it, or for nobody', (_, place, user) => {
  const judge = new ExtentJudge({ hasHeld: () => true });
  judge.look(stateWith(place));
  const free = stateWith('nowhere');
  judge.look(free);
  expect(judge.whoMayUse(free, 'p', 1)).toBe(user);
});

test('a session that never held a grant in the pool is waited for by nothing there', () => {
  const judge = new ExtentJudge({ hasHeld: () => false });
  judge.look(stateWith('mapped'));
  const free = stateWith('nowhere');
  judge.look(free);
  expect(judge.whoMayUse(free, 'p', 1)).toBeNull();
});
