// What the log costs beside a bare loop that writes the same bytes (bare-loop-testing.ts), and what it holds. Rounds of both
// sides alternate in one run and the ratio is that of neighbours, so that a busy machine or a moody disk slows both. Files
// lie below the checkout's build/, which must be on a disk, and are removed however the run ends.
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { RealClock, RealRandom, RealTimers, sleep } from '@holdfast/base';
import { median, type Bench, type Report } from '@holdfast/tooling';
import { BareCalls, BareLoop, readBare } from './bare-loop-testing.ts';
import type { FillOrder, FillReport } from './filler-testing.ts';
import { limitsDefault } from './log-limits.ts';
import { RaftLog } from './raft-log.ts';

const mib = 2 ** 20;
const gib = 2 ** 30;
const tmpfsType = 0x01021994;
const payloadBytes = 256;
const payload = new Uint8Array(payloadBytes).fill(7);
const rounds = 15;
const warmupRounds = 3;
const roundMs = 250;
const settleLimitMs = 60_000;

const clock = new RealClock();
const timers = new RealTimers();
const parts = { clock, timers, random: new RealRandom() };

async function run(report: Report): Promise<void> {
  const folder = makeFolder();
  await measureAppends(report, folder);
  await measureReads(report, join(folder, 'reads'));
  await measureSize(report, join(folder, 'large'));
}

function makeFolder(): string {
  const build = join(import.meta.dirname, '../../../build');
  mkdirSync(build, { recursive: true });
  if (statfsSync(build).type === tmpfsType) throw new Error(`${build} is on no disk: an fdatasync there costs nothing`);
  const folder = mkdtempSync(join(build, 'raft-log-bench-'));
  // At the exit, because a bench that is interrupted ends without coming back here.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  return folder;
}

/** An open log with callers, each of whom appends one entry at a time. */
class Appender {
  readonly log: RaftLog;
  readonly #next: number[];
  readonly #groups: number;

  constructor(log: RaftLog, groups: number) {
    this.log = log;
    this.#groups = groups;
    this.#next = Array.from({ length: groups }, () => 1);
  }

  static async open(directory: string, groups: number): Promise<Appender> {
    const log = await RaftLog.open({ directory, ...parts });
    for (let group = 1; group <= groups; group++) {
      await log.createGroup(group);
      await log.saveVote(group, { term: 1, vote: null });
    }
    return new Appender(log, groups);
  }

  /** `callers` at once for a round's time; entries a second. */
  async round(callers: number): Promise<number> {
    let count = 0;
    const startMs = clock.monotonicMs();
    const untilMs = startMs + roundMs;
    const lane = async (at: number): Promise<void> => {
      const group = (at % this.#groups) + 1;
      do {
        const index = this.#next[group - 1] ?? 1;
        this.#next[group - 1] = index + 1;
        await this.log.append(group, [{ index, term: 1, payload }]);
        count++;
      } while (clock.monotonicMs() < untilMs);
    };
    await Promise.all(Array.from({ length: callers }, (_, at) => lane(at)));
    return (count * 1000) / (clock.monotonicMs() - startMs);
  }

  /** Until an idle log has made its next chunk and its reserve: the bare loop's file was preallocated before its time too. */
  async settle(): Promise<void> {
    const untilMs = clock.monotonicMs() + settleLimitMs;
    for (let stat = this.log.stat(); !stat.hasSpare || !stat.hasReserve; stat = this.log.stat()) {
      if (clock.monotonicMs() > untilMs) throw new Error('the disk gives the log no next chunk and no reserve');
      await sleep(timers, 1);
    }
  }

  /** As a group does after a snapshot: the next rounds write on recycled chunks. */
  async purge(): Promise<void> {
    await Promise.all(
      this.#next.map(async (next, at) => {
        await this.log.commit(at + 1, next - 1);
        await this.log.purge(at + 1, next - 1);
      }),
    );
  }
}

/** Batches a second. */
function bareRound(bare: BareLoop, bytes: Uint8Array): number {
  let count = 0;
  const startMs = clock.monotonicMs();
  while (clock.monotonicMs() < startMs + roundMs) {
    bare.write(bytes);
    count++;
  }
  return (count * 1000) / (clock.monotonicMs() - startMs);
}

/** As `Appender.round`, of callers of the bare loop; entries a second. */
async function callsRound(calls: BareCalls, callers: number): Promise<number> {
  let count = 0;
  const startMs = clock.monotonicMs();
  const untilMs = startMs + roundMs;
  const lane = async (): Promise<void> => {
    do {
      await calls.append(payload);
      count++;
    } while (clock.monotonicMs() < untilMs);
  };
  await Promise.all(Array.from({ length: callers }, lane));
  return (count * 1000) / (clock.monotonicMs() - startMs);
}

/** The bytes of the log's batch with `callers` in flight, on average over what it just wrote. */
function batchSince(log: RaftLog, before: { batches: number; bytes: number }): number {
  const { batches, bytes } = log.stat();
  return (bytes - before.bytes) / (batches - before.batches);
}

async function measureAppends(report: Report, folder: string): Promise<void> {
  const bare = new BareLoop(folder);
  const appender = await Appender.open(join(folder, 'appends'), 64);
  await measureOne(report, bare, appender);
  await measureMany(report, bare, appender);
  await measureBlocking(report, appender);
  await appender.log.close();
  bare.close();
  rmSync(join(folder, 'appends'), { recursive: true });
}

async function measureOne(report: Report, bare: BareLoop, appender: Appender): Promise<void> {
  const bytes = new Uint8Array(limitsDefault.blockBytes).fill(7);
  const figures = { log: [] as number[], bare: [] as number[], ratios: [] as number[] };
  const before = appender.log.stat();
  for (let round = -warmupRounds; round < rounds; round++) {
    await appender.settle();
    const bareMs = 1000 / bareRound(bare, bytes);
    const logMs = 1000 / (await appender.round(1));
    if (round < 0) continue;
    figures.log.push(logMs);
    figures.bare.push(bareMs);
    figures.ratios.push(logMs / bareMs);
  }
  if (batchSince(appender.log, before) > bytes.length) throw new Error('the log writes more than the bare loop does');
  report.figure('raft-log-append-1', median(figures.log) * 1000, 'µs');
  report.figure('raft-log-append-1-bare', median(figures.bare) * 1000, 'µs');
  report.figure('raft-log-append-1-ratio', median(figures.ratios), 'of bare', { atMost: 1.5 });
}

/** With 64 callers. */
const barTimes = 50;

const newManyFigures = (): Record<'log' | 'times' | 'ceiling' | 'calls' | 'left' | 'taken' | 'share', number[]> => {
  return { log: [], times: [], ceiling: [], calls: [], left: [], taken: [], share: [] };
};

async function measureMany(report: Report, bare: BareLoop, appender: Appender): Promise<void> {
  const one = new Uint8Array(limitsDefault.blockBytes).fill(7);
  for (const callers of [64, 1024] as const) {
    const before = appender.log.stat();
    await appender.round(callers);
    const batch = new Uint8Array(batchSince(appender.log, before)).fill(7);
    const calls = new BareCalls(bare, batch.length);
    const figures = newManyFigures();
    const { batches, operations } = appender.log.stat();
    for (let round = -warmupRounds; round < rounds; round++) {
      await appender.settle();
      const bareRate = bareRound(bare, one);
      const logRate = await appender.round(callers);
      const ceiling = bareRound(bare, batch) * callers;
      const callsRate = await callsRound(calls, callers);
      await appender.purge();
      if (round < 0) continue;
      figures.log.push(logRate);
      figures.times.push(logRate / bareRate);
      figures.ceiling.push(ceiling / bareRate);
      figures.calls.push(callsRate / bareRate);
      figures.left.push((callers / (barTimes * bareRate) - callers / callsRate) * 1e6);
      figures.taken.push((callers / logRate - callers / callsRate) * 1e6);
      figures.share.push(logRate / Math.min(barTimes * bareRate, ceiling));
    }
    const after = appender.log.stat();
    const name = `raft-log-append-${callers}`;
    const rateBar = callers === 1024 ? ({ atLeast: 200_000 } as const) : undefined;
    report.figure(name, Math.round(median(figures.log)), 'entries/s', rateBar);
    report.figure(`${name}-times`, median(figures.times), 'x bare');
    report.figure(`${name}-ceiling`, median(figures.ceiling), 'x bare');
    report.figure(`${name}-calls-ceiling`, median(figures.calls), 'x bare');
    if (callers === 64) {
      // What the bar leaves to a log for everything that it does for a batch, and what this one takes.
      report.figure(`${name}-left`, median(figures.left), 'µs a batch');
      report.figure(`${name}-taken`, median(figures.taken), 'µs a batch');
      // Of the bar's times of the bare loop, or of what the disk takes in batches of this size, whichever is less.
      report.figure(`${name}-reached`, median(figures.share), 'of its bar', { atLeast: 1 });
    }
    report.figure(`${name}-batch`, (after.operations - operations) / (after.batches - batches), 'calls');
  }
}

const blockingRounds = 7;
const blockingMs = 1000;

async function measureBlocking(report: Report, appender: Appender): Promise<void> {
  const figures = { idle: [] as number[], busy: [] as number[], more: [] as number[] };
  for (let round = 0; round < blockingRounds; round++) {
    const idle = await delayOf(async () => sleep(timers, blockingMs));
    const busy = await delayOf(async () => {
      const untilMs = clock.monotonicMs() + blockingMs;
      while (clock.monotonicMs() < untilMs) await appender.round(64);
    });
    await appender.purge();
    figures.idle.push(idle);
    figures.busy.push(busy);
    figures.more.push(busy - idle);
  }
  report.figure('raft-log-block-p99-idle', median(figures.idle), 'ms');
  report.figure('raft-log-block-p99-busy', median(figures.busy), 'ms');
  report.figure('raft-log-block-p99', median(figures.more), 'ms', { atMost: 2 });
}

/** The 99th percentile of the time between two turns of a timer of one millisecond. */
async function delayOf(work: () => Promise<void>): Promise<number> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await work();
  histogram.disable();
  return histogram.percentile(99) / 1e6;
}

const readBytes = gib;
const readRounds = 5;

async function measureReads(report: Report, directory: string): Promise<void> {
  const log = await RaftLog.open({ directory, ...parts });
  const entryBytes = 4096;
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: null });
  const last = readBytes / entryBytes;
  const large = new Uint8Array(entryBytes).fill(7);
  const callEntries = 128;
  for (let from = 1; from <= last; from += callEntries * 4) {
    const calls = [0, 1, 2, 3].map((at) => from + at * callEntries);
    await Promise.all(
      calls.map(async (first) =>
        log.append(
          1,
          Array.from({ length: callEntries }, (_, at) => ({ index: first + at, term: 1, payload: large })),
        ),
      ),
    );
  }
  const chunks = readdirSync(directory).filter((name) => name.endsWith('.chunk'));
  const figures = { log: [] as number[], ratios: [] as number[] };
  for (let round = 0; round < readRounds; round++) {
    const bare = gigabytesPerSecond(() =>
      readBare(
        chunks.map((name) => join(directory, name)),
        mib,
      ),
    );
    const own = gigabytesPerSecond(() => readAll(log, last));
    figures.log.push(own);
    figures.ratios.push(own / bare);
  }
  report.figure('raft-log-read', median(figures.log), 'GB/s', { atLeast: 1 });
  report.figure('raft-log-read-ratio', median(figures.ratios), 'of bare');
  await log.close();
  rmSync(directory, { recursive: true });
}

function gigabytesPerSecond(read: () => number): number {
  const startMs = clock.monotonicMs();
  const bytes = read();
  return bytes / 1e6 / (clock.monotonicMs() - startMs);
}

function readAll(log: RaftLog, last: number): number {
  let bytes = 0;
  for (let from = 1; from <= last;) {
    const entries = log.read(1, { from, to: last, budgetBytes: mib });
    for (const entry of entries) bytes += entry.payload.length;
    from += entries.length;
  }
  return bytes;
}

const openRounds = 5;

/** Ten million entries of a thousand groups in four gibibytes, written by one process and opened by others. */
async function measureSize(report: Report, directory: string): Promise<void> {
  const order: FillOrder = { directory, groups: 1_000, entries: 10_000, payloadBytes: 400, callEntries: 50 };
  const filled = await inProcess(order);
  report.figure('raft-log-fill', (filled.entries * 1000) / filled.fillMs, 'entries/s');
  const opens: FillReport[] = [];
  for (let round = 0; round < openRounds; round++) opens.push(await inProcess({ ...order, entries: 0 }));
  for (const { entries } of [filled, ...opens]) {
    if (entries !== order.groups * order.entries) throw new Error(`the log holds ${entries} entries`);
  }
  report.figure('raft-log-large-size', filled.logBytes / gib, 'GiB', { atLeast: 4 });
  report.figure('raft-log-open-large', median(opens.map(({ openMs }) => openMs)) / 1000, 's', { atMost: 1 });
  const cacheMib = limitsDefault.cacheBytes / mib;
  report.figure('raft-log-memory-filled', filled.residentBytes / mib - cacheMib, 'MiB', { atMost: 300 });
  report.figure('raft-log-memory-filled-heap', filled.heapBytes / mib, 'MiB');
  report.figure('raft-log-memory-opened', median(opens.map((open) => open.residentBytes)) / mib, 'MiB', {
    atMost: 300,
  });
}

async function inProcess(order: FillOrder): Promise<FillReport> {
  const child = fork(join(import.meta.dirname, 'filler-testing.ts'), [], { execArgv: ['--expose-gc'] });
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  const report = await new Promise<FillReport>((resolve, reject) => {
    child.once('message', (message) => resolve(message as FillReport));
    child.once('exit', (code) => reject(new Error(`the process with the log ended with exit code ${String(code)}`)));
    child.send(order);
  });
  if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
  process.off('exit', end);
  return report;
}

export default { name: 'raft-log', run } satisfies Bench;
