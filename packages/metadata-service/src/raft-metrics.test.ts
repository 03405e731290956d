import { expect, test } from '@jest/globals';
import { toLogIndex, toTerm } from '@holdfast/base';
import { createMetrics } from '@holdfast/telemetry';
import { measureRaft, type MeasuredGroup } from './raft-metrics.ts';

const index = toLogIndex(9);
const leading: MeasuredGroup = {
  ...{ role: 'leader', leader: null, term: toTerm(1), commit: index, applied: index, last: { index } },
  ...{ full: null, snapshotIndex: 0, waitingProposals: 0, waitingReads: 0, version: 1 },
  followers: [
    { member: 2, match: 9 },
    { member: 3, match: 4 },
  ],
};

test('a leader tells how far its followers are behind, and forgets it when it leads no more', async () => {
  const metrics = await createMetrics();
  const status = { groups: [leading], peers: [] };
  measureRaft(metrics, { status }, 2);
  const told = await metrics.scrape();
  expect(told).toContain('holdfast_raft_behind_entries{peer="2"} 0');
  expect(told).toContain('holdfast_raft_behind_entries{peer="3"} 5');
  expect(told).toContain('holdfast_raft_version{of="in-force"} 1');
  expect(told).toContain('holdfast_raft_version{of="known"} 2');
  status.groups = [{ ...leading, role: 'follower', version: 2, followers: [] }];
  const after = await metrics.scrape();
  expect(after).not.toContain('holdfast_raft_behind_entries{');
  expect(after).toContain('holdfast_raft_version{of="in-force"} 2');
});
