// What a seed decides about its cluster besides faults and requests: how many members, which of them may be damaged, how the network
// and the members' settings are. Plain values, kept in the plan.
import type { LinkBehaviour, SeededRandom } from '@holdfast/base/internal';
import type { HostSettings } from '@holdfast/metadata-service';
import { settingsDefault, type Settings } from '@holdfast/raft';
import type { LogLimits } from '@holdfast/raft-log';
import { drawFragile } from '../faults/fault-atlas.ts';
import { pick } from '../faults/fault-kind.ts';
import type { Plan, PlainValue } from '../world/scenario.ts';

export interface RaftShape {
  readonly founders: number;
  /** Members that may be added during the run; their numbers follow those of the founders. */
  readonly spares: number;
  readonly fragile: readonly number[];
  readonly clients: number;
  readonly keys: number;
  readonly link: Partial<LinkBehaviour>;
  readonly driftPpm: readonly number[];
  readonly raft: Partial<Settings>;
  readonly host: Partial<Omit<HostSettings, 'raft'>>;
  /** By member: what each takes a snapshot after, where they are not set alike; or none. */
  readonly ownSnapshotLogBytes: readonly number[];
  readonly log: Partial<LogLimits>;
}

/** Networks as they are: in one room, in one town, between towns. */
const links: readonly Partial<LinkBehaviour>[] = [
  { delayMinMs: 0.1, delayMeanMs: 0.3, delayMaxMs: 20 },
  { delayMinMs: 1, delayMeanMs: 3, delayMaxMs: 60 },
  { delayMinMs: 8, delayMeanMs: 15, delayMaxMs: 150 },
];

const kib = 1024;

const snapshotSizes = [kib, 8 * kib, 64 * kib];

export function drawShape(random: SeededRandom): RaftShape {
  const founders = pick(random, [3, 5, 5, 5, 5, 4]) ?? 5;
  const numbers = Array.from({ length: founders }, (_, at) => at + 1);
  const spares = 4;
  const drift = random.fork('drift');
  const own = random.fork('own snapshots');
  const members = Array.from({ length: founders + spares });
  return {
    founders,
    spares,
    fragile: drawFragile(random.fork('fragile'), numbers),
    clients: 3,
    keys: 3 + random.below(6),
    link: pick(random, links) ?? {},
    driftPpm: members.map(() => drift.below(401) - 200),
    raft: {
      electionTicks: pick(random, [10, 10, 5]) ?? 10,
      appendBytesMax: pick(random, [512, 2 * kib, 3 * kib]) ?? kib,
      inflightMessagesMax: pick(random, [1, 4, 64]) ?? 64,
      uncommittedBytesMax: pick(random, [4 * kib, 64 * kib]) ?? 64 * kib,
      proposalBytesMax: 3 * kib,
      snapshotChunkBytes: pick(random, [256, 2 * kib]) ?? kib,
      forwardProposals: random.below(2) === 0,
      promoteLagMax: pick(random, [8, 1024]) ?? 1024,
    },
    host: { snapshotLogBytes: pick(random, snapshotSizes) ?? kib, snapshotPartBytes: kib },
    ownSnapshotLogBytes: own.below(2) === 0 ? [] : members.map(() => pick(own, snapshotSizes) ?? kib),
    log: { blockBytes: 512, chunkBytes: pick(random, [16 * kib, 32 * kib]) ?? 16 * kib, cacheBytes: 4 * kib },
  };
}

/** As the plan keeps it. */
export function toPlain(shape: RaftShape): Readonly<Record<string, PlainValue>> {
  return JSON.parse(JSON.stringify(shape)) as Readonly<Record<string, PlainValue>>;
}

export function shapeOf({ shape }: Plan): RaftShape {
  return shape as unknown as RaftShape;
}

export function hostSettingsOf({ raft, host, ownSnapshotLogBytes }: RaftShape, member: number): Partial<HostSettings> {
  const own = ownSnapshotLogBytes[member - 1];
  return { ...host, ...(own === undefined ? {} : { snapshotLogBytes: own }), raft: { ...settingsDefault, ...raft } };
}
