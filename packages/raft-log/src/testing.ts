// Logs on virtual disks for tests: small blocks and chunks, jobs in the same thread, and the shortest way to say what a test
// wants. `openDisk` gives the handle that a program has; `SyncLog` drives the core call by call, where every crash is to be
// enumerated. Relies on base's virtual parts.
import { invariant, isOpError, type Files } from '@holdfast/base';
import { SeededRandom, VirtualDisk, VirtualTime } from '@holdfast/base/internal';
import { InlineExecutor } from './executor.ts';
import { EntryCache } from './entry-cache.ts';
import { EntryReader } from './entry-reader.ts';
import { Group } from './group.ts';
import { LogCore } from './log-core.ts';
import { LogDisk } from './log-disk.ts';
import { limitsDefault, type LogLimits } from './log-limits.ts';
import { LogSpace } from './log-space.ts';
import type { NewEntry, Operation } from './operation.ts';
import { recover, type OpenMode, type Recovered } from './recovery.ts';
import { RaftLog, type RaftLogOptions } from './raft-log.ts';

export const directory = '/log';

export const smallLimits: Partial<LogLimits> = {
  blockBytes: 512,
  chunkBytes: 16 * 1024,
  batchBytes: 4096,
  cacheBytes: 2048,
  prepareBytes: 16 * 1024,
};

export function newDisk(seed: number | string = 1): VirtualDisk {
  return new VirtualDisk({ seed });
}

/** Opens what is on the disk; each open draws other salts. */
export async function openDisk(disk: VirtualDisk, options: Partial<RaftLogOptions> = {}): Promise<RaftLog> {
  const { files } = disk;
  const node = new VirtualTime({ seed: 1 }).node('log');
  return RaftLog.open({
    directory,
    clock: node.clock,
    timers: node.timers,
    random: new SeededRandom(`salts of call ${disk.calls}`),
    files,
    executor: new InlineExecutor(new LogDisk(files, node.clock)),
    limits: smallLimits,
    ...options,
  });
}

/** Entries [from, from + payloads.length) of one term. */
export function entries(from: number, term: number, ...payloads: string[]): NewEntry[] {
  return payloads.map((text, at) => ({ index: from + at, term, payload: Buffer.from(text) }));
}

/** All readable entries of a group as text: "3:term 2:hello". */
export function readAll(log: RaftLog, group: number): string[] {
  const state = log.state(group);
  if (state === null) return [];
  const told: string[] = [];
  for (let index = state.firstIndex; index <= state.lastIndex; index++) told.push(readOne(log, group, index));
  return told;
}

function readOne(log: RaftLog, group: number, index: number): string {
  try {
    const [entry] = log.read(group, { from: index, to: index, budgetBytes: 1 });
    if (entry === undefined) throw new Error('a read of one entry gave none');
    return `${entry.index}:${entry.term}:${Buffer.from(entry.payload).toString('latin1')}`;
  } catch (error) {
    if (isOpError(error) && error.code === 'RAFT_LOG_ENTRY_FAULTY') return `${index}:faulty`;
    throw error;
  }
}

/** A log whose every operation is a batch of its own, durable when the call returns. */
export class SyncLog {
  readonly recovered: Recovered | null;
  readonly core: LogCore;
  readonly #disk: LogDisk;

  constructor(files: Files, seed: number | string, given: Partial<LogLimits & { mode: OpenMode }> = {}) {
    const { mode = 'tolerate-tail', ...changed } = given;
    const limits = { ...limitsDefault, ...smallLimits, ...changed };
    if (files.stat(directory) === null) {
      files.mkdir(directory);
      files.fsyncDirectory('/');
    }
    this.recovered = recover({ files, directory, mode, isReadOnly: false });
    const space = new LogSpace(directory, limits);
    for (const path of space.adopt(files, this.recovered?.spares ?? [])) files.unlink(path);
    const random = new SeededRandom(`salts ${seed}`);
    this.core = new LogCore({ directory, limits, random, space, recovered: this.recovered });
    this.#disk = new LogDisk(files, new VirtualTime({ seed: 1 }).node('log').clock);
  }

  group(id: number): Group {
    const group = this.core.stagedGroup(id);
    invariant(group !== null, `there is no group ${id}`);
    return group;
  }

  do(...operations: Operation[]): void {
    for (const operation of operations) while (!this.core.stage(operation)) this.#runJob(true);
    while (this.core.hasStaged) this.#runJob(false);
  }

  /** Until nothing is left to do: spares are made, chunks retired. */
  settle(): void {
    while (this.#runJob(false));
  }

  #runJob(isBlocked: boolean): boolean {
    const job = this.core.nextJob(isBlocked);
    if (job === null) return false;
    this.core.begun();
    this.core.done(this.#disk.run(job).isDiskFull);
    return true;
  }
}

/** What the log knows durably of each group, its entries as "index:term", "?" for a faulty one. */
export function tellGroups(groups: ReadonlyMap<number, Group>): Record<number, string> {
  return Object.fromEntries([...groups].map(([id, group]) => [id, tellGroup(group)]));
}

function tellGroup({ durable, faulty, index: entries }: Group): string {
  const { term, vote, commit, purgedIndex, purgedTerm, lastIndex } = durable;
  const told = [`term ${term} vote ${vote ?? '-'} commit ${commit} purged ${purgedIndex}:${purgedTerm} |`];
  for (let index = purgedIndex + 1; index <= lastIndex; index++) {
    told.push(faulty.has(index) ? `${index}:?` : `${index}:${entries.terms.at(index)}`);
  }
  return told.join(' ');
}

/** All entries, read from the files: "group/index=payload". */
export function readAllOf(files: Files, groups: ReadonlyMap<number, Group>): string[] {
  const reader = new EntryReader(files, new EntryCache(0));
  const told: string[] = [];
  for (const group of groups.values()) {
    const { purgedIndex, lastIndex } = group.durable;
    for (let index = purgedIndex + 1; index <= lastIndex; index++) {
      told.push(`${group.id}/${index}=${payloadOf(reader, group, index)}`);
    }
  }
  reader.close();
  return told;
}

function payloadOf(reader: EntryReader, group: Group, index: number): string {
  try {
    const [entry] = reader.read({ group, from: index, to: index, budgetBytes: 1 });
    return Buffer.from(entry?.payload ?? []).toString('latin1');
  } catch (error) {
    if (isOpError(error) && error.code === 'RAFT_LOG_ENTRY_FAULTY') return 'faulty';
    throw error;
  }
}

/** A disk with a log that has records of every kind: two sealed chunks, one active, closed properly or not. */
export function makeEveryKind(isClosed: boolean): VirtualDisk {
  const disk = new VirtualDisk({ seed: 1 });
  disk.files.mkdir(directory);
  const log = new SyncLog(disk.files, 'flips', { chunkBytes: 8192 });
  log.do({ kind: 'create', group: new Group(1) }, { kind: 'create', group: new Group(2) });
  log.do({ kind: 'vote', group: log.group(1), term: 1, vote: 7 });
  log.do({ kind: 'append', group: log.group(1), entries: entries(1, 1, 'one', 'two', 'three') });
  log.do({ kind: 'vote', group: log.group(2), term: 4, vote: null });
  log.do({ kind: 'userData', group: log.group(2), data: Buffer.from('mine') });
  log.do({ kind: 'append', group: log.group(2), entries: entries(1, 4, 'x'.repeat(600)) });
  log.do({ kind: 'truncate', group: log.group(1), index: 2 });
  log.do({ kind: 'append', group: log.group(1), entries: entries(3, 1, 'drei') });
  log.do({ kind: 'commit', group: log.group(1), index: 2 });
  log.do({ kind: 'purge', group: log.group(1), index: 1 });
  while (log.core.chunks.length < 2) {
    const from = log.group(2).staged.lastIndex + 1;
    log.do({ kind: 'append', group: log.group(2), entries: entries(from, 4, 'y'.repeat(500)) });
  }
  log.do({ kind: 'vote', group: log.group(1), term: 2, vote: 9 });
  log.do({ kind: 'append', group: log.group(1), entries: entries(4, 2, 'four', 'five') });
  log.do({ kind: 'create', group: new Group(3) });
  log.do({ kind: 'snapshot', group: log.group(3), index: 50, term: 0 });
  log.do({ kind: 'create', group: new Group(4) });
  log.do({ kind: 'destroy', group: log.group(4) }, { kind: 'settle', group: log.group(1) });
  log.group(2).faulty.add(1, 1);
  log.do({ kind: 'repair', group: log.group(2), entry: { index: 1, term: 4, payload: Buffer.from('x'.repeat(600)) } });
  if (isClosed) log.do({ kind: 'close' });
  return disk;
}
