// A metadata server's part as a member of the replicated group. What it needs (the database, the log's thread) is loaded by
// servers that are members only.
import { formatAddress } from '@holdfast/base';
import type { CertificateKeeper, Health, ServedService } from '@holdfast/rpc';
import type { RoleContext } from '../role.ts';
import { version } from '../version.ts';
import type { MetadataFields } from './metadata-config.ts';

export interface RunningMember {
  readonly services: readonly ServedService[];
  health(): Health;
  /** Before the server takes no calls any more: whoever asks again finds another leader. */
  handOver(): Promise<void>;
}

export async function openMember(
  context: RoleContext<MetadataFields>,
  directory: string,
  keeper: CertificateKeeper,
): Promise<RunningMember> {
  const { config, parts, fail } = context;
  const { MetadataService, metadataApi } = await import('@holdfast/metadata-service');
  const service = await MetadataService.open({
    ...context,
    directory,
    release: version(),
    keeper,
    peerListen: formatAddress(config.peerListen),
    readyLimitMs: config.readyLimit.ms,
  });
  parts.add('member', async () => service.stop());
  void service.ended.then((error) => {
    if (error !== null) fail(error);
  });
  return {
    services: await metadataApi({ ...context, service }),
    health: () => service.health,
    handOver: async () => service.handOver(),
  };
}
