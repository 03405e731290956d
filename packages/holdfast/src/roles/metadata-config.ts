// What a metadata server can be told. It imports nothing of what it configures, so that help and `config check` stay cheap.
import { commonFields } from '../config/common.ts';
import type { ConfigSchema } from '../config/config.ts';
import { address, duration, namedAddresses, path, size } from '../config/fields.ts';

/** The largest cluster has five metadata servers; while it is rebuilt, some stand beside their successors. */
const peersLimit = 8;

export const metadataFields = {
  certificates: path({
    description: "the folder of this server's identity, as made by holdfast pki issue metadata",
    isRequired: true,
  }),
  revocations: path({
    description: 'the list of revoked certificates; without a value revoked.json in the folder certificates',
  }),
  authority: path({
    description:
      "the folder of the cluster's authority, if this server is to sign certificates for those that renew theirs",
  }),
  certificateLife: duration(
    { description: 'how long the certificates hold that this server signs', default: '30d' },
    { least: '10s', most: '398d' },
  ),
  listen: address({ description: 'where the API is served over mutual TLS', default: '127.0.0.1:7400' }),
  data: path({
    description:
      "this server's own directory, as made by holdfast metadata init or join; without a value it keeps no state and serves Status and Certificates only",
  }),
  peerListen: address({
    description: 'where the other members are heard over mutual TLS, if there is a directory data',
    default: '127.0.0.1:7401',
  }),
  readyLimit: duration(
    {
      description: 'how long a read through the leader may take before this server counts as not ready',
      default: '2s',
    },
    { least: '100ms', most: '1m' },
  ),
  peers: namedAddresses({ description: 'the other metadata servers of the cluster', default: '' }, peersLimit),
  peerInterval: duration(
    { description: 'how often each peer is asked for its status', default: '2s' },
    { least: '100ms', most: '1h' },
  ),
  peerTimeout: duration(
    { description: 'how long a peer may take to answer before it counts as unreachable', default: '1s' },
    { least: '50ms', most: '1m' },
  ),
  messageLimit: size(
    { description: 'the largest message that the API takes or sends', default: '4MiB' },
    { least: '64KiB', most: '64MiB' },
  ),
  ...commonFields,
};
export type MetadataFields = typeof metadataFields;

export const metadataConfig: ConfigSchema<MetadataFields> = { role: 'metadata', fields: metadataFields };
