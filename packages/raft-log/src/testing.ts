// A log on a virtual disk for tests: small blocks and chunks, jobs in the same thread, and the shortest way to say what a
// test wants. Relies on base's virtual parts.
import { SeededRandom, VirtualDisk, VirtualTime } from '@holdfast/base/internal';
import { InlineExecutor } from './executor.ts';
import { LogDisk } from './log-disk.ts';
import type { LogLimits } from './log-limits.ts';
import type { NewEntry } from './operation.ts';
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
    const isFaulty = error instanceof Error && 'code' in error && error.code === 'RAFT_LOG_ENTRY_FAULTY';
    if (!isFaulty) throw error;
    return `${index}:faulty`;
  }
}
