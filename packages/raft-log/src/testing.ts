// Logs on virtual disks for tests: small blocks and chunks, jobs in the same thread, and the shortest way to say what a test
// wants. `openDisk` gives the handle that a program has; `SyncLog` drives the core call by call, where every crash is to be
// enumerated. Relies on base's virtual parts.
import { invariant, isOpError, type Files } from '@holdfast/base';
import { SeededRandom, VirtualDisk, VirtualTime } from '@holdfast/base/internal';
import { InlineExecutor } from './executor.ts';
import { EntryCache } from './entry-cache.ts';
import { EntryReader } from './entry-reader.ts';
import type { Group } from './group.ts';
import { LogCore } from './log-core.ts';
import { LogDisk } from './log-disk.ts';
import { checkedLimits, type LogLimits } from './log-limits.ts';
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
    const limits = checkedLimits({ ...smallLimits, ...changed });
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
