// The controller service, as far as it exists: requests are checked, and answered truthfully for a cluster without pools.
import { OpError } from '@holdfast/base';
import { controllerCapabilities } from './capabilities.ts';
import type { Answers, CsiServices } from './offer.ts';
import { checkCreateVolume, checkVolumeId, checkVolumeUses } from './volume-request.ts';

export function controllerHandlers(): Answers<CsiServices['controllerService']> {
  return {
    controllerGetCapabilities: async () => ({ capabilities: controllerCapabilities() }),
    createVolume: async (request) => {
      checkCreateVolume(request);
      // FAILED_PRECONDITION, not RESOURCE_EXHAUSTED: the provisioner takes the latter for "perhaps still under way", so it
      // would go on asking after the claim was deleted, and for a class that waits for its first consumer it would send the
      // pod from node to node in search of room. This one is final for the attempt: it stands in the claim's Event, is asked
      // again with backoff as long as the claim is there, and not after.
      throw new OpError('NO_POOL', { volume: request.name });
    },
    // Without a pool there is no volume, whatever its id; and deleting what is not there has succeeded.
    deleteVolume: async ({ volumeId }) => {
      checkVolumeId(volumeId);
      return {};
    },
    validateVolumeCapabilities: async ({ volumeId, volumeCapabilities }) => {
      checkVolumeId(volumeId);
      checkVolumeUses(volumeCapabilities);
      throw new OpError('VOLUME_NOT_FOUND', { volume: volumeId });
    },
  };
}
