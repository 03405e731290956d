// The first start of a member: an empty log with its groups, and then the identity that says so. A crash in between leaves a
// directory without an identity, in which it is done again; a log that anything was written to is never taken for a fresh one.
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { isOpError, OpError, RealFiles, type Files } from '@holdfast/base';
import { RaftLog } from '@holdfast/raft-log';
import type { HostOptions, InitialiseOptions } from './host-options.ts';
import { readIdentity, writeIdentity } from './identity.ts';

export const logDirectory = 'log';
export const snapshotDirectory = 'snapshots';

/** With fewer cores, those that wait for the log need the two that its threads would keep busy. */
const lookoutCoresMin = 3;

/** Makes `directory` that of a member. RAFT_MEMBER_EXISTS if it is one's already. */
export async function initialise(options: InitialiseOptions): Promise<void> {
  const { directory, cluster, self, groups, files = new RealFiles() } = options;
  await prepare(options);
  writeIdentity(files, directory, { cluster, member: self, groups });
}

/** Everything but the identity: what may fail for want of room, or of a disk. It may be done again. */
export async function prepare(options: Omit<InitialiseOptions, 'cluster' | 'self'>): Promise<void> {
  const { directory, groups, files = new RealFiles() } = options;
  makeDirectory(files, directory);
  const known = readIdentity(files, directory);
  if (known !== null) {
    throw new OpError('RAFT_MEMBER_EXISTS', { directory, member: known.member, cluster: known.cluster });
  }
  makeDirectory(files, join(directory, snapshotDirectory));
  await makeLog(options, async (log) => {
    for (const { group } of groups) {
      const state = log.state(group);
      if (state === null) await log.createGroup(group);
      else if (state.term > 0 || state.lastIndex > 0) throw new OpError('RAFT_IDENTITY_DAMAGED', { directory });
    }
  });
}

/** A log that `work` begins, and that is closed behind it. One that finds no room does not wait for it, as a member's own does. */
export async function makeLog(
  options: Parameters<typeof openLog>[0],
  work: (log: RaftLog) => Promise<void>,
): Promise<void> {
  try {
    const log = await openLog(options, true);
    try {
      await work(log);
    } finally {
      await log.close();
    }
  } catch (error) {
    if (!isOpError(error) || error.code !== 'RAFT_LOG_FULL') throw error;
    const path = join(options.directory, logDirectory);
    throw new OpError('DISK_FULL', { operation: 'begin a log in', path }, { cause: error });
  }
}

/** The log of a member's directory; with `create` false it must be there. */
export async function openLog(
  options: Omit<InitialiseOptions, 'groups' | 'cluster' | 'self'> & Pick<HostOptions, 'scrubBytesPerSecond'>,
  create: boolean,
): Promise<RaftLog> {
  const { directory, clock, timers, random, files, executor, logLimits, scrubBytesPerSecond } = options;
  return RaftLog.open({
    directory: join(directory, logDirectory),
    clock,
    timers,
    random,
    create,
    looksOut: availableParallelism() >= lookoutCoresMin,
    ...(files === undefined ? {} : { files }),
    ...(executor === undefined ? {} : { executor }),
    ...(logLimits === undefined ? {} : { limits: logLimits }),
    ...(scrubBytesPerSecond === undefined ? {} : { scrubBytesPerSecond }),
  });
}

function makeDirectory(files: Files, path: string): void {
  if (files.stat(path) === null) files.mkdir(path);
  // Also one that is there: who made it may have been killed before its name was durable.
  files.fsyncDirectory(dirname(path));
}
