// The service Attachments: which nodes may use a volume. Who is waited for is told, and the leader hears that somebody waits.
import type { Handlers, loadMetadataServices } from '@holdfast/rpc';
import { grantModes } from '../state/entities.ts';
import type { StateAccess } from './state-access.ts';
import { toChoice, toWord } from './values.ts';

type Services = Awaited<ReturnType<typeof loadMetadataServices>>;

export function attachmentsHandlers(access: StateAccess): Handlers<Services['attachmentsService']> {
  return {
    publish: async ({ id, volume, node, mode }) => {
      const { epoch } = await access.propose<'publish'>(id, {
        ...{ kind: 'publish', volume: toWord(volume, 'volume'), node: toWord(node, 'node') },
        mode: toChoice(mode, grantModes, 'mode'),
      });
      return { epoch: BigInt(epoch) };
    },
    unpublish: async ({ id, volume, node }) =>
      access.propose<'unpublish'>(id, {
        ...{ kind: 'unpublish', volume: toWord(volume, 'volume'), node: toWord(node, 'node') },
      }),
  };
}
