// Two clusters on one machine, one kernel: each has a Holdfast of its own, and the end of one is nothing to the other.
import { beforeAll, expect } from '@jest/globals';
import { RealClock, RealTimers } from '@holdfast/base';
import { OwnCluster } from '../../dev-env/own-cluster.ts';
import { tracesOf } from '../../dev-env/traces.ts';
import { kubeCase } from '../../kube-case.ts';
import { neighbourOf } from '../../kube/dev-cluster.ts';
import { Kube } from '../../kube/kube.ts';
import { imageFile } from '../../kube/suite-cluster.ts';
import { Presence } from './presence.ts';
import { namespace, Release } from './release.ts';
import { ensureRelease } from './suite-release.ts';

const clock = new RealClock();

beforeAll(ensureRelease, 120_000);

kubeCase(
  'a second cluster beside has its own, and goes with it without a trace',
  async ({ kube, cluster, measure, say }) => {
    const presence = await Presence.follow(kube, clock);
    const neighbour = new OwnCluster(neighbourOf(cluster.name), { DISKS: '0' });
    await measure('a second cluster of one node is up', () => neighbour.up(1));
    await neighbour.try('cluster.sh', 'load', imageFile);
    const environment = await neighbour.environment();
    const parts = { clock, timers: new RealTimers(), onFigure: () => undefined };
    const release = new Release({
      kube: new Kube({ ...parts, namespace, environment }),
      nodeNames: [`${neighbour.name}-1`],
      environment,
    });
    await measure('Holdfast is whole in it', () => release.ensure());
    await measure('it is down', () => neighbour.down());
    for (const [kind, traces] of Object.entries(tracesOf(neighbour.name))) expect([kind, traces]).toEqual([kind, []]);
    await presence.stop();
    say(presence.describe());
    expect(presence.gaps).toEqual([]);
  },
);
