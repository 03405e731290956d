import { expect, test } from '@jest/globals';
import type { Certify, Command } from './command.ts';
import { applyCommand } from './machine.ts';
import { emptyState, type MetadataState } from './state.ts';

const end = { kind: 'end-session', session: '1.n.1', atMs: 0 } as const;

function endedBy(reason: 'fenced' | 'override'): MetadataState {
  const state = emptyState();
  const pool = { fencing: 'manual', tier: 'kernel', isBestEffortTakeover: false, fencesPerHourMax: 3 } as const;
  const commands: readonly Command[] = [
    { kind: 'create-pool', pool: 'p', ...pool, devices: ['d'], extentCount: 8 },
    { kind: 'create-volume', volume: { name: 'v', tenant: 't', pool: 'p', isShared: false, extents: 1 } },
    {
      ...{ kind: 'register', node: 'n', machine: 'n', bootId: 'b', secret: 's', ttlMs: 1, drainMs: 1 },
      ...{ tornDown: [], after: '' },
    },
    { kind: 'publish', volume: 'v', node: 'n', mode: 'write' },
    { ...end, reason, term: 1, by: reason === 'fenced' ? 'leader' : 'a person' },
  ];
  for (const command of commands) expect(applyCommand(state, command, 1)).toMatchObject({ refusal: null });
  return state;
}

function override(by: string): Certify {
  return { kind: 'certify', as: 'override', session: '1.n.1', pool: 'p', evidence: { kind: 'stated' }, by };
}

test.each(['fenced', 'override'] as const)(
  'an administrator certifies a session that has ended already (%s), and nobody else does',
  (reason) => {
    const state = endedBy(reason);
    for (const by of ['', 'leader', '1.n.1']) {
      expect(applyCommand(state, override(by), 1)).toMatchObject({ refusal: 'not-proved' });
    }
    expect(applyCommand(state, { ...end, reason: 'override', term: 0, by: 'a person' }, 1)).toMatchObject({
      refusal: null,
    });
    expect(applyCommand(state, override('a person'), 1)).toMatchObject({ refusal: null });
    expect(state.volumes['v']?.grants).toEqual([]);
    expect(state.certificates).toMatchObject([{ kind: 'override', session: '1.n.1', by: 'a person' }]);
  },
);
