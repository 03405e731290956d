// One log for every Raft group of a process: the handle that its owner holds. Operations are checked when they are called and
// resolve when they are durable; reads see only what is durable and never wait for a write.
import { dirname, join } from 'node:path';
import {
  invariant,
  isOpError,
  OpError,
  RealFiles,
  type Clock,
  type FileLock,
  type Files,
  type Random,
  type Timers,
} from '@holdfast/base';
import { lockName } from './chunk-files.ts';
import { EntryReader } from './entry-reader.ts';
import type { Executor } from './executor.ts';
import { copyOf, groupMax } from './format.ts';
import { Group } from './group.ts';
import type { GroupState } from './group-state.ts';
import { LogCore } from './log-core.ts';
import { checkedLimits, type LogLimits } from './log-limits.ts';
import { LogSpace } from './log-space.ts';
import { LogMeter, type LogStat } from './log-stat.ts';
import { LogWriter, type Request } from './log-writer.ts';
import type { NewEntry } from './operation.ts';
import { recover, type OpenMode, type OpenReport } from './recovery.ts';
import type { SlotRange } from './slots.ts';
import { scrubBytesPerSecondDefault, Scrubber, scrubInline, scrubInThread } from './scrubber.ts';
import { WorkerExecutor } from './worker-executor.ts';

export interface RaftLogOptions {
  /** An absolute path; made if it is not there. */
  readonly directory: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly mode?: OpenMode;
  readonly limits?: Partial<LogLimits>;
  /** Whether a directory without a log gets a new one; true without. Who knows that there was a log says false. */
  readonly create?: boolean;
  /** How fast sealed chunks are read again in the background. */
  readonly scrubBytesPerSecond?: number;
  /**
   * Whether the log's thread, and who hands it batches, look out for each other for an instant before they sleep; true without. It
   * takes a fifth off a quick append and keeps two cores busy meanwhile: who has no more than these, and others to share them with,
   * says false.
   */
  readonly looksOut?: boolean;
  /** Other files than the operating system's need an executor of their own. */
  readonly files?: Files;
  readonly executor?: Executor;
}

export interface GroupView extends GroupState {
  readonly firstIndex: number;
  readonly faulty: readonly SlotRange[];
}

export class RaftLog {
  /** What the open found. */
  readonly report: OpenReport;
  readonly #directory: string;
  readonly #core: LogCore;
  readonly #reader: EntryReader;
  readonly #writer: LogWriter;
  readonly #meter = new LogMeter();
  readonly #lock: FileLock;
  readonly #scrubber: Scrubber;
  #isClosed = false;

  private constructor(parts: OpenParts) {
    const { options, core, executor, files } = parts;
    this.report = parts.report;
    this.#directory = options.directory;
    this.#core = core;
    this.#lock = parts.lock;
    this.#reader = new EntryReader(files, core.cache);
    this.#writer = new LogWriter({
      ...options,
      core,
      executor,
      meter: this.#meter,
      waitingLimit: parts.limits.waitingCalls,
      onJob: (job) => {
        if (job.kind === 'retire') this.#reader.keep(core.chunks);
      },
    });
    this.#scrubber = new Scrubber({
      core,
      timers: options.timers,
      runner: options.files === undefined ? scrubInThread : scrubInline(files),
      bytesPerSecond: options.scrubBytesPerSecond ?? scrubBytesPerSecondDefault,
      chunkBytes: parts.limits.chunkBytes,
    });
  }

  /** Recovers what is there. FILE_LOCKED names the process that has the log open. */
  static async open(options: RaftLogOptions): Promise<RaftLog> {
    const files = options.files ?? new RealFiles();
    const limits = checkedLimits(options.limits ?? {});
    makeDirectory(files, options.directory);
    const lock = files.lock(join(options.directory, lockName));
    try {
      const parts = openParts(options, { files, limits, lock });
      const log = new RaftLog(parts);
      await log.#start();
      return log;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  async createGroup(group: number): Promise<void> {
    invariant(Number.isSafeInteger(group) && group >= 0 && group <= groupMax, `group ${group} has no 32 bits`);
    return this.#submit(() => {
      if (this.#core.stagedGroup(group) !== null) throw new OpError('RAFT_LOG_GROUP_EXISTS', { group });
      return { kind: 'create', group: new Group(group) };
    });
  }

  /** Everything of the group goes; a later group of this number begins anew. */
  async destroyGroup(group: number): Promise<void> {
    return this.#submit(() => ({ kind: 'destroy', group: this.#staged(group) }));
  }

  /** The entries follow the last one, in terms that were saved before. */
  append(group: number, entries: readonly NewEntry[]): Promise<void> {
    return this.#submit(() => ({ kind: 'append', group: this.#staged(group), entries }));
  }

  /** Writes an entry again that a peer has and whose slot is faulty here. */
  async repair(group: number, entry: NewEntry): Promise<void> {
    return this.#submit(() => ({ kind: 'repair', group: this.#staged(group), entry }));
  }

  /** The term, and who was voted for in it: null for nobody yet. */
  async saveVote(
    group: number,
    { term, vote }: { readonly term: number; readonly vote: number | null },
  ): Promise<void> {
    return this.#submit(() => ({ kind: 'vote', group: this.#staged(group), term, vote }));
  }

  async commit(group: number, index: number): Promise<void> {
    return this.#submit(() => ({ kind: 'commit', group: this.#staged(group), index }));
  }

  /** Everything after `index` goes. */
  async truncate(group: number, index: number): Promise<void> {
    return this.#submit(() => ({ kind: 'truncate', group: this.#staged(group), index }));
  }

  /** Everything up to `index` goes: a snapshot holds it. */
  async purge(group: number, index: number): Promise<void> {
    return this.#submit(() => ({ kind: 'purge', group: this.#staged(group), index }));
  }

  /** A snapshot that ends with this entry took the place of the whole log. */
  async installSnapshot(group: number, at: { readonly index: number; readonly term: number }): Promise<void> {
    return this.#submit(() => ({ kind: 'snapshot', group: this.#staged(group), index: at.index, term: at.term }));
  }

  /** A few bytes of the caller's own, kept with the group's state. */
  async saveUserData(group: number, data: Uint8Array): Promise<void> {
    const copy = copyOf(data);
    return this.#submit(() => ({ kind: 'userData', group: this.#staged(group), data: copy }));
  }

  /**
   * The replica has caught up: what was ambiguous or lost of its vote no longer matters. The vote that counts from here on is
   * said again behind it, so that a later start which misses one knows that none was lost since. Should a crash leave one of the
   * two, the vote speaks for itself, and without it the doubt about votes goes on.
   */
  async settle(group: number): Promise<void> {
    await Promise.all([
      this.#submit(() => ({ kind: 'settle', group: this.#staged(group) })),
      this.#submit(() => {
        const staged = this.#staged(group);
        return { kind: 'vote', group: staged, term: staged.staged.term, vote: staged.staged.vote };
      }),
    ]);
  }

  /** Resolves when everything that was accepted before is durable. */
  async flush(): Promise<void> {
    return this.#submit(null);
  }

  /** Durable entries [from, to] as far as `budgetBytes` reach, at least one. Stops before a faulty slot; throws if it is the first. */
  read(group: number, range: { readonly from: number; readonly to: number; readonly budgetBytes: number }): NewEntry[] {
    this.#refuseClosed();
    const held = this.#durable(group);
    const { purgedIndex, lastIndex } = held.durable;
    if (range.from <= purgedIndex) {
      throw new OpError('RAFT_LOG_ENTRY_PURGED', { group, index: range.from, firstIndex: purgedIndex + 1 });
    }
    return this.#reader.read({ ...range, group: held, to: Math.min(range.to, lastIndex) });
  }

  /** The term of a durable entry or of the snapshot before the first; null when it is not held or not known. */
  term(group: number, index: number): number | null {
    const { durable, index: entries } = this.#durable(group);
    if (index === durable.purgedIndex) return durable.purgedTerm;
    if (index < durable.purgedIndex || index > durable.lastIndex) return null;
    const term = entries.terms.at(index);
    return term === 0 ? null : term;
  }

  groups(): number[] {
    return [...this.#core.groups.keys()].sort((left, right) => left - right);
  }

  /** What is durable of a group; null if there is none. */
  state(group: number): GroupView | null {
    const held = this.#core.groups.get(group);
    if (held === undefined) return null;
    return { ...held.durable, firstIndex: held.durable.purgedIndex + 1, faulty: held.faulty.ranges };
  }

  /** Reads the next sealed chunk again now; the log does so by itself all the time. */
  async scrubNext(): Promise<void> {
    this.#refuseClosed();
    return this.#scrubber.scrubNext();
  }

  stat(): LogStat {
    const { chunks, space, cache, groups } = this.#core;
    const faultySlots = [...groups.values()]
      .flatMap((group) => group.faulty.ranges)
      .reduce((sum, { from, to }) => sum + to - from + 1, 0);
    return {
      ...this.#meter.readings(),
      ...this.#scrubber.stat,
      waitingCalls: this.#writer.waitingCalls,
      cacheBytes: cache.usedBytes,
      groups: groups.size,
      chunks: chunks.length,
      firstSequence: chunks[0]?.header.sequence ?? 0,
      lastSequence: chunks.at(-1)?.header.sequence ?? 0,
      hasSpare: space.hasSpare,
      hasReserve: space.hasReserve,
      isFull: space.isFull,
      faultySlots,
    };
  }

  /** Makes what was accepted durable, marks a clean end and lets go of the files. A poisoned log closes too. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#scrubber.stop();
    try {
      await this.#writer.submit(() => ({ kind: 'close' }));
    } catch (error) {
      // Without the mark the next open takes the end for a crash's, which is true of a log that was poisoned or is full.
      if (!isOpError(error)) throw error;
    }
    await this.#writer.stop();
    this.#reader.close();
    this.#lock.release();
  }

  async #start(): Promise<void> {
    try {
      await this.#writer.start();
    } catch (error) {
      this.#scrubber.stop();
      await this.#writer.stop();
      throw error;
    }
  }

  #submit(request: Request | null): Promise<void> {
    return this.#isClosed ? Promise.reject(this.#closed()) : this.#writer.submit(request);
  }

  #refuseClosed(): void {
    if (this.#isClosed) throw this.#closed();
  }

  #closed(): OpError {
    return new OpError('RAFT_LOG_CLOSED', { directory: this.#directory });
  }

  #staged(group: number): Group {
    const staged = this.#core.stagedGroup(group);
    if (staged === null) throw new OpError('RAFT_LOG_GROUP_UNKNOWN', { group });
    return staged;
  }

  #durable(group: number): Group {
    const durable = this.#core.groups.get(group);
    if (durable === undefined) throw new OpError('RAFT_LOG_GROUP_UNKNOWN', { group });
    return durable;
  }
}

interface OpenParts {
  readonly options: RaftLogOptions;
  readonly files: Files;
  readonly limits: LogLimits;
  readonly lock: FileLock;
  readonly core: LogCore;
  readonly executor: Executor;
  readonly report: OpenReport;
}

function openParts(
  options: RaftLogOptions,
  held: { readonly files: Files; readonly limits: LogLimits; readonly lock: FileLock },
): OpenParts {
  const { directory, random, mode = 'tolerate-tail' } = options;
  const { files, limits } = held;
  const recovered = recover({ files, directory, mode, isReadOnly: false });
  if (recovered === null && options.create === false) {
    throw new OpError('FILE_NOT_FOUND', { operation: 'open', path: join(directory, '*.chunk') });
  }
  const space = new LogSpace(directory, limits);
  for (const path of space.adopt(files, recovered?.spares ?? [])) files.unlink(path);
  const core = new LogCore({ directory, limits, random, space, recovered });
  const executor = options.executor ?? new WorkerExecutor({ clock: options.clock, looksOut: options.looksOut ?? true });
  const report = recovered?.report ?? {
    mode,
    damages: [],
    faulty: [],
    ambiguous: [],
    copiedAside: null,
    isClean: true,
  };
  return { ...held, options, core, executor, report };
}

function makeDirectory(files: Files, directory: string): void {
  if (files.stat(directory) === null) files.mkdir(directory);
  // Also one that is there: who made it may have been killed before its name was durable.
  files.fsyncDirectory(dirname(directory));
}
