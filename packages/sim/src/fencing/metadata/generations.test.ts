import { expect, test } from '@jest/globals';
import type { Command } from './command.ts';
import { applyCommand } from './machine.ts';
import { emptyState, type MetadataState } from './state.ts';

const begin: readonly Command[] = [
  {
    ...{ kind: 'create-pool', pool: 'p', fencing: 'lease', tier: 'kernel', isBestEffortTakeover: false },
    ...{ devices: ['d'], extentCount: 8, fencesPerHourMax: 3 },
  },
  { kind: 'create-volume', volume: { name: 'v', tenant: 't', pool: 'p', isShared: false, extents: 2 } },
  {
    ...{ kind: 'register', node: 'n', machine: 'n', bootId: 'b', secret: 's', ttlMs: 1, drainMs: 1 },
    ...{ tornDown: [], after: '' },
  },
  { kind: 'publish', volume: 'v', node: 'n', mode: 'write' },
  { kind: 'intend', volume: 'v', intent: 'i', what: 'share', snapshot: 'x', from: 0, to: 0 },
  { kind: 'acknowledge', session: '1.n.1', agent: 1_000_001, volume: 'v', intent: 'i', revision: 1 },
];

const commit = { kind: 'commit', volume: 'v', intent: 'i', revision: 1 } as const;

function stateAfter(commands: readonly Command[]): MetadataState {
  const state = emptyState();
  for (const command of commands) expect(applyCommand(state, command, 1)).toMatchObject({ refusal: null });
  return state;
}

test('an intent that a backup holds open is withdrawn by the restore, because whoever holds the volume by now was not asked', () => {
  const backup = JSON.stringify(stateAfter(begin));
  const state = stateAfter(begin);
  const release = {
    kind: 'release',
    session: '1.n.1',
    agent: 1_000_001,
    volume: 'v',
    epoch: 1,
    as: 'released',
  } as const;
  applyCommand(state, commit, 1);
  applyCommand(state, release, 1);
  expect(applyCommand(state, { kind: 'restore', backup, generationSeen: 1 }, 1).refusal).toBeNull();
  expect(applyCommand(state, commit, 1).refusal).toBe('not-found');
  expect(state.volumes['v']).toMatchObject({ intents: [], snapshots: {}, decided: ['i'] });
});
