// The API of a metadata server: every service over the parts of a running member. Who may call what is rpc's access table.
import type { Clock, Random } from '@holdfast/base';
import { loadMetadataServices, serve, type ServedService } from '@holdfast/rpc';
import { Proposer } from '../leader/proposer.ts';
import { Membership } from '../membership.ts';
import type { MetadataService } from '../service.ts';
import { apiLimitsDefault, type ApiLimits } from './api-limits.ts';
import { clusterHandlers } from './cluster.ts';
import { poolsHandlers, settingsHandlers } from './pools.ts';
import { StateAccess } from './state-access.ts';
import { snapshotsHandlers, volumesHandlers } from './volumes.ts';

export interface MetadataApiOptions {
  readonly service: MetadataService;
  readonly limits?: Partial<ApiLimits>;
  readonly clock: Clock;
  readonly random: Random;
}

export async function metadataApi(options: MetadataApiOptions): Promise<ServedService[]> {
  const { service, clock, random } = options;
  const { replica, machine, book } = service;
  const limits = { ...apiLimitsDefault, ...options.limits };
  const services = await loadMetadataServices();
  const access = new StateAccess({ service, clock, random });
  const proposer = new Proposer({ replica, clock, random });
  const membership = new Membership({ replica, machine, book, proposer, clock, random });
  return [
    serve(services.clusterService, clusterHandlers({ service, access, membership })),
    serve(services.settingsService, settingsHandlers(access)),
    serve(services.poolsService, poolsHandlers(access)),
    serve(services.volumesService, volumesHandlers(access, limits)),
    serve(services.snapshotsService, snapshotsHandlers(access, limits, null)),
  ];
}
