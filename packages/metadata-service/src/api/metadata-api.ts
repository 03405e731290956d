// The API of a metadata server: every service over the parts of a running member. Who may call what is rpc's access table.
import type { Clock, Random, Timers } from '@holdfast/base';
import { loadMetadataServices, loadSessionsServices, serve, type ServedService } from '@holdfast/rpc';
import { Proposer } from '../leader/proposer.ts';
import { Membership } from '../membership.ts';
import type { MetadataService } from '../service.ts';
import { apiLimitsDefault, type ApiLimits } from './api-limits.ts';
import { attachmentsHandlers } from './attachments.ts';
import { auditHandlers } from './audit.ts';
import { changesHandlers } from './changes.ts';
import { clusterHandlers } from './cluster.ts';
import { MapFollowers } from './map-followers.ts';
import { mapLimitsDefault, type MapLimits } from './map-limits.ts';
import { mapsHandlers } from './maps.ts';
import { nodesHandlers } from './nodes.ts';
import { operationsHandlers } from './operations.ts';
import { poolsHandlers, settingsHandlers } from './pools.ts';
import { StateAccess } from './state-access.ts';
import { serveSessions } from './sessions.ts';
import { snapshotsHandlers, type SnapshotMaker } from './snapshots.ts';
import { volumesHandlers } from './volumes.ts';

export interface MetadataApiOptions {
  readonly service: MetadataService;
  readonly limits?: Partial<ApiLimits>;
  readonly mapLimits?: Partial<MapLimits>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}

export async function metadataApi(options: MetadataApiOptions): Promise<ServedService[]> {
  const { service, clock, timers, random } = options;
  const { replica, machine, book, sessions, agents } = service;
  const limits = { ...apiLimitsDefault, ...options.limits };
  const services = await loadMetadataServices();
  const { mapsService, sessionsService } = await loadSessionsServices();
  const access = new StateAccess({ service, clock, random });
  const proposer = new Proposer({ replica, clock, random });
  const membership = new Membership({ replica, machine, book, proposer, clock, random });
  const mapLimits = { ...mapLimitsDefault, ...options.mapLimits };
  const followers = new MapFollowers({ service, limits: mapLimits, timers });
  const requireLeader = (): void => access.requireLeader();
  // The name is the intent's id, too: whoever asks again meanwhile waits for the same snapshot.
  const maker: SnapshotMaker = {
    make: async ({ volume, name }) => {
      const what = { what: 'share', snapshot: random.uuid(), name, start: 0, stop: 0, expected: null } as const;
      await sessions.narrow({ kind: 'intend', volume, intent: name, ...what });
    },
    makeGroup: async ({ volumes, name }) => {
      const members = volumes.map((volume) => ({ volume, snapshot: random.uuid(), name: `${name}/${volume}` }));
      return sessions.narrowGroup({ kind: 'intendGroup', intent: name, group: random.uuid(), members });
    },
  };
  return [
    serve(services.changesService, changesHandlers({ service, limits, timers })),
    serve(services.clusterService, clusterHandlers({ service, access, membership, timers })),
    serve(services.auditService, auditHandlers(access, limits)),
    serve(services.settingsService, settingsHandlers(access)),
    serve(services.poolsService, poolsHandlers(access)),
    serve(services.volumesService, volumesHandlers(access, limits)),
    serve(services.snapshotsService, snapshotsHandlers(access, limits, maker)),
    serve(services.attachmentsService, attachmentsHandlers(access)),
    serve(services.nodesService, nodesHandlers({ access, limits, sessions, machine })),
    serve(services.operationsService, operationsHandlers(access, limits)),
    serve(mapsService, mapsHandlers(access, mapLimits)),
    serveSessions(sessionsService, {
      ...{ sessions, agents, machine, requireLeader, clock, timers, followers, mapLimits },
    }),
  ];
}
