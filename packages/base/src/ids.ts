// The numbers and names that must not be mistaken for one another: an epoch is no term, a log index no extent number. Each is
// a plain number or string that only its checked constructor makes. Numbers are safe integers; bigint stays at the codec's edge.
import { OpError } from './op-error.ts';

declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** Grows with every new grant of a volume (F4). */
export type Epoch = Branded<number, 'Epoch'>;
/** The Raft term. */
export type Term = Branded<number, 'Term'>;
/** The position of an entry in a group's log; the first entry is 1, 0 stands for before it. */
export type LogIndex = Branded<number, 'LogIndex'>;
/** An extent's number on its device. */
export type ExtentNumber = Branded<number, 'ExtentNumber'>;
/** Grows with every change of a volume's map. */
export type MapRevision = Branded<number, 'MapRevision'>;
/** Grows with every snapshot of a volume. */
export type SnapshotGeneration = Branded<number, 'SnapshotGeneration'>;
/** Grows when a cluster is restored, imported or forced (F11). */
export type ClusterGeneration = Branded<number, 'ClusterGeneration'>;
/** Grows with every registration of one node. */
export type Incarnation = Branded<number, 'Incarnation'>;

export type VolumeId = Branded<string, 'VolumeId'>;
export type SnapshotId = Branded<string, 'SnapshotId'>;
/** The UUID in a device's superblock. */
export type DeviceId = Branded<string, 'DeviceId'>;
/** The kernel's boot id of a machine. */
export type BootId = Branded<string, 'BootId'>;
/** The name of a node in Kubernetes. */
export type NodeId = Branded<string, 'NodeId'>;
export type PoolName = Branded<string, 'PoolName'>;

type CounterId = Branded<number, string>;

function checkCounter(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new OpError('ID_MALFORMED', { id: name, value, form: 'a whole number from 0 to 2^53 - 1' });
}

export const toEpoch = (value: number): Epoch => checkCounter('epoch', value) as Epoch;
export const toTerm = (value: number): Term => checkCounter('term', value) as Term;
export const toLogIndex = (value: number): LogIndex => checkCounter('log index', value) as LogIndex;
export const toExtentNumber = (value: number): ExtentNumber => checkCounter('extent number', value) as ExtentNumber;
export const toMapRevision = (value: number): MapRevision => checkCounter('map revision', value) as MapRevision;
export const toSnapshotGeneration = (value: number): SnapshotGeneration =>
  checkCounter('snapshot generation', value) as SnapshotGeneration;
export const toClusterGeneration = (value: number): ClusterGeneration =>
  checkCounter('cluster generation', value) as ClusterGeneration;
export const toIncarnation = (value: number): Incarnation => checkCounter('incarnation', value) as Incarnation;

/** The one after: the only arithmetic that most counters know. */
export function nextOf<Id extends CounterId>(value: Id): Id {
  return checkCounter('counter', value + 1) as Id;
}

interface TextForm {
  readonly pattern: RegExp;
  readonly limitChars: number;
  readonly says: string;
}
const uuidForm: TextForm = {
  pattern: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
  limitChars: 36,
  says: 'a UUID in lower case',
};
const objectNameForm: TextForm = {
  pattern: /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
  limitChars: 253,
  says: 'a Kubernetes object name: lower-case letters, digits, - and ., up to 253',
};

function checkText(name: string, value: string, form: TextForm): string {
  if (value.length <= form.limitChars && form.pattern.test(value)) return value;
  const shown = value.length <= form.limitChars ? value : `${value.slice(0, form.limitChars)}…`;
  throw new OpError('ID_MALFORMED', { id: name, value: JSON.stringify(shown), form: form.says });
}

export const toVolumeId = (value: string): VolumeId => checkText('volume id', value, uuidForm) as VolumeId;
export const toSnapshotId = (value: string): SnapshotId => checkText('snapshot id', value, uuidForm) as SnapshotId;
export const toDeviceId = (value: string): DeviceId => checkText('device id', value, uuidForm) as DeviceId;
export const toBootId = (value: string): BootId => checkText('boot id', value, uuidForm) as BootId;
export const toNodeId = (value: string): NodeId => checkText('node id', value, objectNameForm) as NodeId;
export const toPoolName = (value: string): PoolName => checkText('pool name', value, objectNameForm) as PoolName;
