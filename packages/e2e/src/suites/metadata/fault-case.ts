// A case on three metadata servers that are to suffer: each has a network namespace and a disk of its own. Needs root.
import { certificateFilesIn, CertificateKeeper, FileCertificateStore, quietLog } from '@holdfast/rpc';
import { RealClock, RealRandom, RealTimers } from '@holdfast/base';
import type { ProcessCluster } from '@holdfast/holdfast/internal';
import { clusterCase } from '../../case.ts';
import { GroupView } from '../../metadata/group-view.ts';
import { MemberSite, type PlacedMember } from '../../metadata/member-site.ts';

/** On a machine that does much else. */
const caseLimitMs = 10 * 60_000;

export const parts = {
  ...{ clock: new RealClock(), timers: new RealTimers(), random: new RealRandom() },
  ...{ log: quietLog, metrics: null },
};

export class Ward {
  readonly cluster: ProcessCluster;
  readonly site: MemberSite;
  readonly view: GroupView;
  readonly keeper: CertificateKeeper;

  constructor(parts: Pick<Ward, 'cluster' | 'site' | 'view' | 'keeper'>) {
    this.cluster = parts.cluster;
    this.site = parts.site;
    this.view = parts.view;
    this.keeper = parts.keeper;
  }

  /** Of a group that is whole. */
  async leader(): Promise<PlacedMember> {
    return this.site.member(await this.view.whole());
  }
  async follower(): Promise<PlacedMember> {
    const { name } = await this.leader();
    return this.site.member(this.site.net.names.find((each) => each !== name) ?? name);
  }
}

export interface FaultCaseOptions {
  readonly diskBytes?: number;
}

export function faultCase(name: string, body: (ward: Ward) => Promise<void>, options: FaultCaseOptions = {}): void {
  const run = async (cluster: ProcessCluster): Promise<void> => {
    const site = await MemberSite.make(cluster, options.diskBytes);
    const keeper = await openKeeper(cluster.identity('admin', 'ada'));
    const view = await GroupView.open(site.members, { ...parts, keeper });
    try {
      await body(new Ward({ cluster, site, view, keeper }));
    } finally {
      view.close();
      await keeper.stop();
      await site.close();
    }
  };
  clusterCase(name, run, caseLimitMs);
}

export async function openKeeper(folder: string): Promise<CertificateKeeper> {
  return CertificateKeeper.open({ ...parts, store: new FileCertificateStore(certificateFilesIn(folder)) });
}
