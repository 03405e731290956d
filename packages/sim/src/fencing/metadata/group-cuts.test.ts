import { expect, test } from '@jest/globals';
import type { Command } from './command.ts';
import { applyCommand } from './machine.ts';
import { emptyState, type MetadataState } from './state.ts';

const pool = { fencing: 'lease', tier: 'kernel', isBestEffortTakeover: false, fencesPerHourMax: 3 } as const;
const volumeOf = (name: string): Command => {
  return { kind: 'create-volume', volume: { name, tenant: 't', pool: 'p', isShared: false, extents: 1 } };
};
const cut: Command = {
  ...{ kind: 'intend-group', group: 'g', proposal: 'm1 1 1' },
  volumes: ['v', 'w'].map((volume) => ({ volume, snapshot: `g of ${volume}` })),
};
const commit: Command = { kind: 'commit-group', group: 'g' };

/** Two volumes on one node. */
function founded(): MetadataState {
  const state = emptyState();
  const commands: readonly Command[] = [
    { kind: 'create-pool', pool: 'p', ...pool, devices: ['d'], extentCount: 8 },
    ...['v', 'w'].map(volumeOf),
    {
      ...{ kind: 'register', node: 'n', machine: 'n', bootId: 'b', secret: 's', ttlMs: 1, drainMs: 1 },
      ...{ tornDown: [], after: '' },
    },
    { kind: 'publish', volume: 'v', node: 'n', mode: 'write' },
    { kind: 'publish', volume: 'w', node: 'n', mode: 'write' },
  ];
  for (const command of commands) expect(applyCommand(state, command, 1)).toMatchObject({ refusal: null });
  return state;
}

function acknowledge(state: MetadataState, volume: string): void {
  const { agent = 0 } = state.sessions['1.n.1'] ?? {};
  applyCommand(state, { kind: 'acknowledge', session: '1.n.1', agent, volume, intent: 'g', revision: 1 }, 1);
}

function snapshotsOf({ volumes }: MetadataState): string[] {
  return Object.values(volumes).flatMap(({ snapshots }) => Object.keys(snapshots));
}

test('a group is cut when every holder of every volume has acknowledged, and all of it at once', () => {
  const state = founded();
  expect(applyCommand(state, cut, 1)).toMatchObject({ refusal: null });
  expect(applyCommand(state, commit, 1)).toMatchObject({ refusal: 'conflict', waitsFor: ['1.n.1', '1.n.1'] });
  acknowledge(state, 'v');
  expect(applyCommand(state, commit, 1)).toMatchObject({ refusal: 'conflict', waitsFor: ['1.n.1'] });
  expect(applyCommand(state, { kind: 'commit', volume: 'v', intent: 'g', revision: 1 }, 1)).toMatchObject({
    refusal: 'not-allowed',
  });
  applyCommand(state, { kind: 'withdraw', volume: 'v', intent: 'g', revision: 1 }, 1);
  acknowledge(state, 'w');
  expect(snapshotsOf(state)).toEqual([]);
  expect(applyCommand(state, commit, 2)).toMatchObject({ refusal: null });
  expect(snapshotsOf(state)).toEqual(['g of v', 'g of w']);
});

test('a group is asked for on all of its volumes or on none, and once, whoever asks again', () => {
  const state = founded();
  applyCommand(state, { ...cut, volumes: [{ volume: 'w', snapshot: 'alone' }], group: 'other' }, 1);
  expect(applyCommand(state, cut, 1)).toMatchObject({ refusal: 'busy' });
  expect(state.volumes['v']?.intents).toEqual([]);
  applyCommand(state, { kind: 'withdraw-group', group: 'other' }, 1);
  applyCommand(state, cut, 1);
  applyCommand(state, { ...cut, proposal: 'm2 2 1' }, 2);
  expect(state.volumes['v']?.intents).toMatchObject([{ id: 'g', cut: { group: 'g', proposal: 'm1 1 1' } }]);
  applyCommand(state, { kind: 'withdraw-group', group: 'g' }, 2);
  applyCommand(state, cut, 2);
  expect([state.volumes['v']?.intents, state.volumes['w']?.intents]).toEqual([[], []]);
});
