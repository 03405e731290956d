// A process of its own that opens a log and, if it is told to, fills it with entries of many groups: what it costs is not
// mixed with what the process that measures holds. Run with --expose-gc; tells one message and ends.
import { RealClock, RealRandom, RealTimers } from '@holdfast/base';
import type { NewEntry } from './operation.ts';
import { RaftLog } from './raft-log.ts';

export interface FillOrder {
  readonly directory: string;
  readonly groups: number;
  /** Of each group; 0: the log is only opened. */
  readonly entries: number;
  readonly payloadBytes: number;
  /** Entries that one call appends. */
  readonly callEntries: number;
}

export interface FillReport {
  readonly openMs: number;
  readonly fillMs: number;
  /** What the log added to the process, all garbage collected. */
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly logBytes: number;
  /** Entries that the log holds. */
  readonly entries: number;
}

/** Calls that are in flight at once. */
const inFlight = 64;

const clock = new RealClock();

function memory(): { resident: number; heap: number } {
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, heap: heapUsed + external };
}

/** Every lane takes groups in turn, so that the entries of all groups lie among one another as in life. */
async function fill(log: RaftLog, { groups, entries, payloadBytes, callEntries }: FillOrder): Promise<void> {
  await Promise.all(Array.from({ length: groups }, (_, at) => log.createGroup(at + 1)));
  await Promise.all(Array.from({ length: groups }, (_, at) => log.saveVote(at + 1, { term: 1, vote: null })));
  const next = Array.from({ length: groups }, () => 1);
  let turn = 0;
  const turns = groups * Math.ceil(entries / callEntries);
  const lane = async (): Promise<void> => {
    while (turn < turns) {
      const group = (turn++ % groups) + 1;
      const from = next[group - 1] ?? 1;
      const count = Math.min(callEntries, entries + 1 - from);
      next[group - 1] = from + count;
      await log.append(group, makeEntries(from, count, payloadBytes));
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

/** Payloads of one call lie in one piece of memory, as they come from a frame of the network. */
function makeEntries(from: number, count: number, payloadBytes: number): NewEntry[] {
  const frame = new Uint8Array(count * payloadBytes).fill(7);
  return Array.from({ length: count }, (_, at) => {
    const payload = frame.subarray(at * payloadBytes, (at + 1) * payloadBytes);
    return { index: from + at, term: 1, payload };
  });
}

async function run(order: FillOrder): Promise<FillReport> {
  const before = memory();
  const startMs = clock.monotonicMs();
  const options = { clock, timers: new RealTimers(), random: new RealRandom() };
  const log = await RaftLog.open({ directory: order.directory, ...options });
  const openedMs = clock.monotonicMs();
  if (order.entries > 0) await fill(log, order);
  const filledMs = clock.monotonicMs();
  const after = memory();
  const { bytes } = log.stat();
  const entries = log.groups().reduce((sum, group) => sum + (log.state(group)?.lastIndex ?? 0), 0);
  await log.close();
  return {
    openMs: openedMs - startMs,
    fillMs: filledMs - openedMs,
    residentBytes: after.resident - before.resident,
    heapBytes: after.heap - before.heap,
    logBytes: bytes,
    entries,
  };
}

process.once('message', (order) => {
  void run(order as FillOrder).then((report) => {
    process.send?.(report);
    process.disconnect();
  });
});
