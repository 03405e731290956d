import { expect, test } from '@jest/globals';
import { createMetrics } from '@holdfast/telemetry';
import { measureState } from './state-metrics.ts';
import { nodeCommand, poolCommand, Story, volumeCommand } from './state/state-testing.ts';

test('a scrape tells how full pools are, who lives, and whose certificates are waited for', async () => {
  const story = new Story();
  story.do(poolCommand('pool'));
  story.do({ kind: 'addDevice', pool: 'pool', device: 'disk', extents: 100 });
  story.do(volumeCommand('volume'));
  const { session } = story.do<'registerNode'>(nodeCommand('node'));
  story.do({ kind: 'publish', volume: 'volume', node: 'node', mode: 'write' });
  story.do({ kind: 'allocate', session, agent: 1, volume: 'volume', epoch: 1, extents: 4 });
  const metrics = await createMetrics();
  let storm: { readonly stopped: number; readonly holders: number } | null = null;
  const sessions = {
    get status() {
      return { isLeading: true, isCounting: true, storm, ending: 0 };
    },
  };
  measureState(metrics, { machine: story.machine, sessions });
  const before = await metrics.scrape();
  for (const line of [
    ...['total"} 100', 'free"} 96', 'leased"} 4', 'mapped"} 0', 'quarantined"} 0'].map(
      (end) => `holdfast_pool_extents{pool="pool",of="${end}`,
    ),
    ...['volumes"} 1', 'snapshots"} 0', 'nodes"} 1', 'sessions"} 1'].map((end) => `holdfast_metadata_items{of="${end}`),
    ...['holdfast_pool_open{pool="pool"} 1', 'holdfast_sessions_uncertified{pool="pool"} 0', 'holdfast_storm_guard 0'],
  ]) {
    expect(before).toContain(line);
  }
  story.do({ kind: 'raiseGeneration', seen: 0, by: 'ada', atMs: 0 });
  storm = { stopped: 3, holders: 4 };
  const after = await metrics.scrape();
  for (const line of [
    ...['holdfast_pool_open{pool="pool"} 0', 'holdfast_sessions_uncertified{pool="pool"} 1', 'holdfast_storm_guard 1'],
    'holdfast_metadata_items{of="sessions"} 0',
  ]) {
    expect(after).toContain(line);
  }
  story.machine.close();
});
