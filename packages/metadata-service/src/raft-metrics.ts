// The replicated group of this process as metrics. The host keeps its own counts and is asked at every scrape.
import type { Metrics } from '@holdfast/telemetry';
import type { Host } from './host/host-options.ts';

export function measureRaft(metrics: Metrics, host: Pick<Host, 'status'>): void {
  metrics.onScrape(() => {
    const { groups, peers } = host.status;
    for (const { role, leader, term, commit, applied, snapshotIndex, waitingProposals, waitingReads } of groups) {
      metrics.gauge('holdfast_raft_leading').set({}, Number(role === 'leader'));
      metrics.gauge('holdfast_raft_leader_known').set({}, Number(leader !== null));
      metrics.gauge('holdfast_raft_term').set({}, term);
      metrics.gauge('holdfast_raft_index').set({ of: 'committed' }, commit);
      metrics.gauge('holdfast_raft_index').set({ of: 'applied' }, applied);
      metrics.gauge('holdfast_raft_index').set({ of: 'snapshot' }, snapshotIndex);
      metrics.gauge('holdfast_raft_waiting_calls').set({ kind: 'proposal' }, waitingProposals);
      metrics.gauge('holdfast_raft_waiting_calls').set({ kind: 'read' }, waitingReads);
    }
    for (const { member, isUrgentUp, isBulkUp } of peers) {
      const peer = String(member);
      metrics.gauge('holdfast_raft_peer_connections').set({ peer }, Number(isUrgentUp) + Number(isBulkUp));
    }
  });
}
