// Every bound of the state and of what one command may do, by name. They are part of what a command means: members that disagree on
// one would come to different states, so a bound changes only with a cluster version.
import { kib } from '@holdfast/base';

export const stateLimits = {
  /** Bytes of an encoded command. */
  commandBytes: 64 * kib,
  /** Characters of an id or a name. */
  nameChars: 253,
  /** Characters of a text that people or other programs wrote: attributes, settings, what an audit says. */
  textChars: 4096,
  pools: 256,
  devicesPerPool: 64,
  extentsPerDevice: 2 ** 40,
  volumes: 4_000_000,
  extentsPerVolume: 2 ** 40,
  /** Of one volume, and what is left of deleted ones while clones need it. */
  snapshotsPerVolume: 512,
  snapshots: 4_000_000,
  /** Volumes that are cut at one instant: their writers hold their writes for it. */
  volumesPerGroup: 32,
  /** Clones of snapshots of clones: a reader looks through as many maps. */
  cloneDepth: 8,
  nodes: 5_000,
  /** Numbers that were given to nodes, also to such as are forgotten: a reservation key has room for as many. */
  nodeNumbers: 2 ** 24 - 1,
  /** Secrets that one boot of a node may have registered with, by the node's own record. */
  secretsPerBoot: 64,
  grantsPerSession: 512,
  attachmentsPerVolume: 256,
  settings: 256,
  operations: 10_000,
  /** Client sessions whose answers are kept. */
  clients: 50_000,
  /** Metadata servers: five of the largest cluster, and as many again while it is rebuilt. */
  members: 10,
  /** Tokens to join that are under way. */
  invitations: 16,
  /** Commands that a client may have under way; as many of its answers are kept. */
  commandsPerClient: 256,
  /** Runs of extents that a grant has leased and not used; conversions out of the middle make more of them. */
  leaseRunsPerGrant: 512,
  /** Runs that one allocation gives, and entries that one conversion takes. */
  runsPerCommand: 64,
  entriesPerCommand: 256,
  /** Runs that one command may pass in an extent map: what an entry replaces, what a commit unmaps. */
  stepsPerCommand: 256,
  /** Runs that one command frees behind a delete: every other commit waits for it, a few milliseconds. */
  reclaimedPerCommand: 64,
  devicesPerEvidence: 64,
  keysPerDevice: 1_024,
  /** Changes that a watcher may be behind. */
  changes: 200_000,
  /** Changes that are forgotten with one command. */
  changesPerCommand: 16,
  /** Sessions that one command certifies when a pool opens in another generation. */
  sessionsPerCommand: 16,
  /** Certificates, fences and entries of the audit that are kept. */
  certificates: 500_000,
  fences: 10_000,
  audit: 100_000,
  /** Revisions between two looks at how many entries the audit has: so many more are kept for a while. */
  auditTrimRevisions: 4_096,
} as const;
