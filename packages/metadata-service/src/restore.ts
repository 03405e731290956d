// A backup becomes the first member of a group that has no other: the way back when every metadata server is gone, or what they agreed on
// must be undone. Nothing is written before the whole backup is known to be whole. The identity is written last, as by every
// first start: a crash before it leaves a directory in which there is no member, and which is refused as it is.
import { dirname, join } from 'node:path';
import { invariant, OpError, RealFiles, toLogIndex, toTerm, type Files } from '@holdfast/base';
import { votersOnly, type MemberId, type SnapshotMark } from '@holdfast/raft';
import { BackupFile, verifyBackup, type BackupHead } from './backup-file.ts';
import { makeLog, snapshotDirectory } from './host/initialise.ts';
import { writeIdentity } from './host/identity.ts';
import { inlineSyncer } from './host/file-syncer.ts';
import { hostSettingsDefault } from './host/host-settings.ts';
import { SnapshotStore } from './host/snapshot-store.ts';
import { metadataGroup, refuseExisting, statePath, writeFirstMembers } from './member-home.ts';
import type { HomeOptions, MemberPlace } from './member-home.ts';
import { MetadataMachine } from './state/machine.ts';
import { drawMember } from './state/new-beginning.ts';
import { knownVersion, schemaSteps, type SchemaStep } from './state/schema.ts';
import { State } from './state/state.ts';

export interface RestoreOptions extends HomeOptions {
  readonly backup: string;
  /** The highest cluster generation that is known from elsewhere: of an earlier restore, or of a device's superblock. */
  readonly seen: number;
  /** Who asks for it. */
  readonly by: string;
  /** Other than this release's: for tests of releases that there are not yet. */
  readonly schema?: readonly SchemaStep[];
}

export interface Restored {
  /** What the backup said of itself. */
  readonly head: BackupHead;
  readonly sizeBytes: number;
  /** Of the state that the backup held, to be compared with what members had at that revision. */
  readonly hash: string;
  readonly member: MemberId;
  /** The restored cluster's own. */
  readonly generation: number;
  readonly revision: number;
}

export async function restoreBackup(options: RestoreOptions, place: Omit<MemberPlace, 'number'>): Promise<Restored> {
  const { directory, random, files = new RealFiles() } = options;
  refuseExisting(options);
  if (files.stat(directory) !== null && files.readdir(directory).length > 0) {
    throw new OpError('RAFT_DIRECTORY_TAKEN', { directory });
  }
  const { head, sizeBytes } = checkBackup(files, options);
  makeDirectory(files, directory);
  makeDirectory(files, join(directory, snapshotDirectory));
  const member = drawMember(random);
  const { machine, hash } = await openImage(files, options, head);
  try {
    const { seen, by, clock } = options;
    machine.beginAnew({ seen, by, atMs: clock.wallMs(), member, ...place });
    const { generation, applied: revision } = State.read(machine.database);
    await beginLog(options, { machine, member, term: head.term });
    writeFirstMembers(files, directory, { revision, members: [{ number: member, ...place }] });
    writeIdentity(files, directory, {
      ...{ cluster: options.cluster, member },
      groups: [{ group: metadataGroup, founders: null }],
    });
    return { head, sizeBytes, hash, member, generation, revision };
  } finally {
    machine.close();
  }
}

function checkBackup(files: Files, options: RestoreOptions): ReturnType<typeof verifyBackup> {
  const { backup: path, cluster, schema = schemaSteps } = options;
  const verified = verifyBackup(files, path);
  const { head } = verified;
  if (head.cluster !== cluster) throw new OpError('BACKUP_FOREIGN', { path, found: head.cluster, expected: cluster });
  const known = knownVersion(schema);
  if (head.version <= known) return verified;
  throw new OpError('BACKUP_TOO_NEW', { path, what: 'the cluster version', found: head.version, known });
}

async function openImage(
  files: Files,
  { directory, backup: path, schema = schemaSteps }: RestoreOptions,
  head: BackupHead,
): Promise<{ readonly machine: MetadataMachine; readonly hash: string }> {
  const machine = MetadataMachine.open({ path: statePath(directory), files, schema });
  const backup = new BackupFile(files, path);
  try {
    await machine.install(backup);
    invariant(machine.applied === head.index, `the image of ${path} is that of revision ${machine.applied}`);
    return { machine, hash: machine.hash() };
  } catch (error) {
    machine.close();
    throw error;
  } finally {
    backup.close();
  }
}

interface Beginning {
  readonly machine: MetadataMachine;
  readonly member: MemberId;
  readonly term: number;
}

/** The log begins behind the state, as behind a snapshot that a leader sent; and there is such a snapshot. */
async function beginLog(options: RestoreOptions, { machine, member, term }: Beginning): Promise<void> {
  const { directory, cluster, timers, random, files = new RealFiles() } = options;
  const mark: SnapshotMark = {
    id: `restored-${random.uuid()}`,
    index: toLogIndex(machine.applied),
    term: toTerm(term),
    configuration: votersOnly([member]),
    version: State.read(machine.database).version,
  };
  const rest = async (): Promise<void> => new Promise((resolve) => void timers.after(0, resolve));
  const snapshots = new SnapshotStore({
    ...{ files, directory: join(directory, snapshotDirectory), cluster, group: metadataGroup },
    partBytes: hostSettingsDefault.snapshotPartBytes,
    chunkBytes: hostSettingsDefault.raft.snapshotChunkBytes,
    syncer: inlineSyncer,
    rest,
    // Nobody else is there yet.
    pace: () => rest,
    // Nothing is there yet that could be in trouble.
    onTrouble: (error) => {
      throw error;
    },
  });
  await snapshots.take(mark, machine.snapshot());
  snapshots.close();
  await makeLog(options, async (log) => {
    await log.createGroup(metadataGroup);
    await log.saveVote(metadataGroup, { term: mark.term, vote: null });
    await log.installSnapshot(metadataGroup, mark);
  });
}

function makeDirectory(files: Files, path: string): void {
  if (files.stat(path) === null) files.mkdir(path);
  files.fsyncDirectory(dirname(path));
}
