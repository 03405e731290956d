// Every command of the metadata log: its number on the wire, the cluster version from which it may be proposed, what it says and
// what its proposer is told. A row that was released keeps its number, its fields and its answer for ever; what has to
// change becomes another row. The handlers are in handlers.ts, by the same names.
//
// Commands carry what apply must not find out by itself: ids, times, terms, what an agent saw. A time (`atMs`) is the proposer's
// wall clock, and decides nothing but what is counted by the hour.
import { fencings, certificateKinds, endReasons, grantModes, intentKinds, tiers } from './entities.ts';
import { stateLimits as limits } from './state-limits.ts';
import { bytes, choice, flag, name, nullable, nullableName, nullableNumber, number, numberTo } from './values.ts';
import { positiveTo, record, someOf, words, type Field } from './values.ts';

interface Definition<Fields, Result> {
  readonly code: number;
  readonly since: number;
  readonly fields: Field<Fields>;
  readonly result: Field<Result>;
}

function define<Fields, Result>(
  [code, since]: readonly [number, number],
  fields: Field<Fields>,
  result: Field<Result>,
): Definition<Fields, Result> {
  return { code, since, fields, result };
}

const nothing = record<object>({});
const byAgent = { session: name, agent: number };
const ofGrant = { ...byAgent, volume: name, epoch: number };
/** An id alone may be that of an earlier one, which was withdrawn. */
const ofIntent = { volume: name, intent: name, revision: number };
const grant = record({ epoch: number, session: name });
const registration = record({ session: name, key: name, agent: number, ttlMs: number, drainBoundMs: number });
/** Where the members reach one, and where its API is served. */
const addresses = { peerAddress: name, apiAddress: name };
const physical = {
  device: positiveTo(2 ** 32),
  start: numberTo(limits.extentsPerDevice),
  length: positiveTo(limits.extentsPerDevice),
};
const extents = record(physical);
const percent = numberTo(1_000_000);
const volumeExtents = positiveTo(limits.extentsPerVolume);
const place = numberTo(limits.extentsPerVolume);

/** What a device flush made durable. `expect` is where the map has the logical extents, null where it has nothing. */
const conversion = record({
  logical: place,
  ...physical,
  expect: nullable(record({ device: physical.device, start: physical.start })),
});

/** What an engine takes out of its map, and where it believes that to be. */
const discarded = record({
  logical: place,
  length: positiveTo(limits.extentsPerVolume),
  expect: record({ device: physical.device, start: physical.start }),
});

/** A volume of a cut over several, and the snapshot that it gets. */
const groupMember = record({ volume: name, snapshot: name, name });

/** One device as it was read back after PREEMPT (F5). */
const readBack = record({
  device: name,
  keys: someOf(name, limits.keysPerDevice),
  isAllRegistrants: flag,
  /** What became of requests that the device had already. */
  stoppedBy: choice(['nothing', 'abort', 'reset', 'drain']),
});
const evidence = record({
  readBacks: someOf(readBack, limits.devicesPerEvidence),
  /** The leader waited ttl and drain bound, in this term; only it says so. */
  waitedInTerm: nullableNumber,
});

export const commands = {
  openClient: define([1, 1], record({ atMs: number }), record({ client: number })),
  forgetClients: define([2, 1], record({ openedBeforeMs: number }), record({ count: number })),
  setSetting: define([3, 1], record({ name, value: words, by: name, atMs: number }), nothing),
  beginOperation: define([4, 1], record({ key: name, what: name, owner: name, atMs: number }), nothing),
  endOperation: define([5, 1], record({ key: name, owner: name }), nothing),
  reclaim: define([6, 1], record({ pool: name }), record({ steps: number, isDone: flag })),

  createPool: define(
    [20, 1],
    record({
      pool: name,
      fencing: choice(fencings),
      tier: choice(tiers),
      isBestEffortTakeover: flag,
      drainBoundMs: nullableNumber,
      fencesPerHour: number,
      oversubscriptionPercent: percent,
      extentBytes: positiveTo(2 ** 32),
    }),
    nothing,
  ),
  addDevice: define(
    [21, 1],
    record({ pool: name, device: name, extents: positiveTo(limits.extentsPerDevice) }),
    record({ number }),
  ),
  setPoolLimits: define(
    [22, 1],
    record({
      pool: name,
      oversubscriptionPercent: nullable(percent),
      fencesPerHour: nullableNumber,
      by: name,
      atMs: number,
    }),
    nothing,
  ),

  createVolume: define(
    [40, 1],
    record({
      volume: name,
      name,
      tenant: words,
      pool: name,
      extents: volumeExtents,
      isShared: flag,
      attributes: words,
    }),
    record({ volume: name }),
  ),
  expandVolume: define([41, 1], record({ volume: name, extents: volumeExtents }), record({ extents: number })),
  deleteVolume: define([42, 1], record({ volume: name }), nothing),
  deleteSnapshot: define([43, 1], record({ snapshot: name }), nothing),
  cloneVolume: define(
    [44, 1],
    record({ volume: name, name, tenant: words, snapshot: name, extents: volumeExtents, attributes: words }),
    record({ volume: name }),
  ),
  allocate: define(
    [45, 1],
    record({ ...ofGrant, extents: positiveTo(limits.extentsPerDevice) }),
    record({ runs: someOf(extents, limits.runsPerCommand) }),
  ),
  convert: define(
    [46, 1],
    record({ ...ofGrant, revision: number, entries: someOf(conversion, limits.entriesPerCommand) }),
    record({ changes: number }),
  ),
  discard: define(
    [47, 1],
    record({ ...ofGrant, revision: number, entries: someOf(discarded, limits.entriesPerCommand) }),
    record({ changes: number }),
  ),
  modifyVolume: define([49, 1], record({ volume: name, expected: words, mutableAttributes: words }), nothing),
  returnLeases: define([48, 1], record({ ...ofGrant, runs: someOf(extents, limits.runsPerCommand) }), nothing),

  registerNode: define(
    [60, 1],
    record({
      node: name,
      machine: name,
      boot: name,
      secretHash: bytes,
      ttlMs: positiveTo(3_600_000),
      drainBoundMs: number,
      tornDown: someOf(bytes, limits.secretsPerBoot),
      after: nullableName,
    }),
    registration,
  ),
  resumeSession: define([61, 1], record({ session: name, secretHash: bytes }), registration),
  endSession: define(
    [62, 1],
    record({ session: name, reason: choice(endReasons), term: number, by: nullableName, atMs: number }),
    nothing,
  ),
  certifySession: define(
    [63, 1],
    record({ session: name, pool: name, as: choice(certificateKinds), evidence, by: nullableName, atMs: number }),
    nothing,
  ),
  silenceSession: define([64, 1], record({ session: name, pool: name, term: number }), nothing),
  statePoweredOff: define([65, 1], record({ node: name, by: name, isOwnTaint: flag, atMs: number }), nothing),
  taintNode: define([66, 1], record({ node: name, isForeignAttached: flag }), record({ certificate: number })),
  clearTaint: define([67, 1], record({ node: name }), nothing),
  forgetNode: define([68, 1], record({ node: name, by: name, atMs: number }), nothing),

  publish: define([80, 1], record({ volume: name, node: name, mode: choice(grantModes) }), record({ epoch: number })),
  unpublish: define(
    [81, 1],
    record({ volume: name, node: name }),
    record({ isDone: flag, waitsFor: someOf(name, limits.attachmentsPerVolume) }),
  ),
  stage: define([82, 1], record({ ...byAgent, volume: name, leastEpoch: number, mode: choice(grantModes) }), grant),
  release: define([83, 1], record({ ...ofGrant, as: choice(['released', 'revoked']) }), nothing),

  intend: define(
    [100, 1],
    record({
      volume: name,
      intent: name,
      what: choice(intentKinds),
      snapshot: nullableName,
      name: nullableName,
      start: place,
      stop: place,
      /** Of an unmap: the volume's revision at which it was first asked for. */
      expected: nullableNumber,
    }),
    record({ revision: number }),
  ),
  acknowledge: define([101, 1], record({ ...byAgent, ...ofIntent }), nothing),
  commitIntent: define([102, 1], record({ ...ofIntent, atMs: number }), record({ revision: number, isDone: flag })),
  intendGroup: define(
    [104, 1],
    record({ intent: name, group: name, cut: number, members: someOf(groupMember, limits.volumesPerGroup) }),
    record({ group: name, isMade: flag }),
  ),
  deleteGroup: define([105, 1], record({ group: name }), nothing),
  withdrawIntent: define([103, 1], record(ofIntent), nothing),

  raiseGeneration: define([120, 1], record({ seen: number, by: name, atMs: number }), record({ generation: number })),
  proveGeneration: define([121, 1], record({ pool: name, evidence, by: nullableName, atMs: number }), nothing),
  openPool: define([122, 1], record({ pool: name, term: number }), record({ isDone: flag })),

  foundMember: define([140, 1], record({ name, ...addresses }), nothing),
  inviteMember: define([141, 1], record({ name, tokenHash: bytes, endsMs: number, by: name, atMs: number }), nothing),
  admitMember: define(
    [142, 1],
    record({ name, tokenHash: bytes, ...addresses, atMs: number }),
    record({ member: number }),
  ),
  forgetMember: define([143, 1], record({ member: number, by: name, atMs: number }), nothing),
} as const;

export type CommandKind = keyof typeof commands;
type ValueOf<Kind extends CommandKind, Part extends 'fields' | 'result'> =
  (typeof commands)[Kind][Part] extends Field<infer Value> ? Value : never;
/** What the proposer of a command is told when it took effect. */
export type ResultOf<Kind extends CommandKind> = ValueOf<Kind, 'result'>;
export type CommandOf<Kind extends CommandKind> = { readonly kind: Kind } & ValueOf<Kind, 'fields'>;
export type Command = { readonly [Kind in CommandKind]: CommandOf<Kind> }[CommandKind];
export type Evidence = CommandOf<'certifySession'>['evidence'];
