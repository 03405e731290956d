// The replicated group of this process as metrics. The host keeps its own counts and is asked at every scrape.
import type { Metrics } from '@holdfast/telemetry';
import type { HostStatus, ReplicaStatus } from './host/host-options.ts';

export interface MeasuredGroup extends Pick<
  ReplicaStatus,
  'role' | 'leader' | 'term' | 'commit' | 'applied' | 'snapshotIndex' | 'waitingProposals' | 'waitingReads' | 'version'
> {
  readonly last: { readonly index: number };
  readonly followers: readonly { readonly member: number; readonly match: number }[];
}

export interface MeasuredHost {
  readonly status: { readonly groups: readonly MeasuredGroup[]; readonly peers: HostStatus['peers'] };
}

export function measureRaft(metrics: Metrics, host: MeasuredHost, knownVersion: number): void {
  metrics.gauge('holdfast_raft_version').set({ of: 'known' }, knownVersion);
  const behind = new Behind(metrics);
  metrics.onScrape(() => {
    const { groups, peers } = host.status;
    for (const group of groups) {
      const { role, leader, term, commit, applied, snapshotIndex, waitingProposals, waitingReads, version } = group;
      metrics.gauge('holdfast_raft_version').set({ of: 'in-force' }, version);
      behind.tell(group);
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

/** What a member knew as a leader is forgotten with that: its followers are no business of its own. */
class Behind {
  readonly #metrics: Metrics;
  #told: readonly string[] = [];

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  tell({ followers, last }: MeasuredGroup): void {
    const gauge = this.#metrics.gauge('holdfast_raft_behind_entries');
    for (const peer of this.#told) gauge.remove({ peer });
    this.#told = followers.map(({ member }) => String(member));
    for (const { member, match } of followers) gauge.set({ peer: String(member) }, Math.max(0, last.index - match));
  }
}
