// A disk that fails as disks do, from a seed; the processes that use it see it through `files`.
//
// The fault model:
// - Power loss keeps what was synced, and of the rest any choice: per sector of 512 bytes any version written since the last
//   sync, or none (lost, torn and reordered writes); of a file's changes of size the first few; of a directory's changes
//   any that do not build on a lost one. A sector is never half written. A process that dies loses nothing but its call.
// - Every call that may change the disk has a number; the process can die before it, in the middle of it (a write that was
//   taken in part), or after it and before it learns of that. See `crashAt` and `forEachCrash`.
// - A failed sync drops dirty sectors as Linux does: they count as clean, some can be read for a while, a second sync says
//   ok. A sync of a directory that fails leaves its changes pending.
// - Reads and writes fail with EIO, bits turn on the way or at rest, a sector lands in another one's place, the disk runs
//   full in the middle of a write, a call takes time or hangs.
// What it does not do: fail within a sector, lose what was synced other than by rot or misdirection, mix up whole files.
import { fileError, type FileCall } from './file-errors.ts';
import { invariant } from './invariant.ts';
import type { Random } from './random.ts';
import { SeededRandom } from './seeded-random.ts';
import { DiskFaults, type Appointment, type DiskFaultRates } from './virtual-disk-faults.ts';
import { sectorBytes, type SyncFaults, type VirtualFileContent } from './virtual-file-content.ts';
import { VirtualFiles } from './virtual-files.ts';
import { VirtualNames, type FileInode } from './virtual-names.ts';

export interface VirtualDiskOptions {
  readonly seed: number | string;
  readonly capacityBytes?: number;
  readonly faultRates?: Partial<DiskFaultRates>;
  /** How long a call takes. */
  readonly delayMs?: (call: FileCall, lengthBytes: number) => number;
  /** The process died at a call, as `crashAt` said; told before the call throws, so that nothing it still does is heard. */
  readonly onDeath?: () => void;
}

export type CrashMoment = 'before' | 'during' | 'after';
/** `process`: kill -9, the page cache stays; `power`: only the disk stays. */
export type CrashKind = 'process' | 'power';

/** The process is dead: whoever catches this belongs to it. Only the test or the simulator handles it. */
export class VirtualCrash extends Error {
  override readonly name = 'VirtualCrash';
}

/** One call of a process, as the disk sees it. */
export interface DiskCall<Value> extends FileCall {
  readonly lengthBytes?: number;
  readonly changes: boolean;
  readonly run: () => Value;
  /** What is left of a call that the process did not survive, or that failed with `errno`. */
  readonly runPart?: (errno: string | null) => void;
}

export class VirtualDisk {
  readonly names = new VirtualNames();
  readonly random: SeededRandom;
  readonly faults: DiskFaults;
  #files: VirtualFiles;
  #capacityBytes: number;
  #calls = 0;
  #crash: { readonly call: number; readonly moment: CrashMoment } | null = null;
  #isHalted = false;
  readonly #delayOf: (call: FileCall, lengthBytes: number) => number;
  readonly #onDeath: () => void;
  #delayMs = 0;
  #isHanging = false;
  #resumed: (() => void)[] = [];
  #lastSynced: VirtualFileContent | null = null;

  constructor(options: VirtualDiskOptions) {
    this.random = new SeededRandom(options.seed);
    this.faults = new DiskFaults(this.random.fork('faults'));
    this.faults.setRates(options.faultRates ?? {});
    this.#capacityBytes = options.capacityBytes ?? 2 ** 40;
    this.#delayOf = options.delayMs ?? (() => 0);
    this.#onDeath = options.onDeath ?? (() => {});
    this.#files = new VirtualFiles(this);
  }

  /** The view of the process that runs. After a crash and `restart` there is another one. */
  get files(): VirtualFiles {
    return this.#files;
  }
  /** Calls so far that may have changed the disk. */
  get calls(): number {
    return this.#calls;
  }
  get isHalted(): boolean {
    return this.#isHalted;
  }
  /** Of the file that was synced last; null before one was. */
  get lastSynced(): VirtualFileContent | null {
    return this.#lastSynced;
  }
  /** Whether it holds less than it said, and in a place where nobody may notice. */
  get hasGoneAstray(): boolean {
    return this.names.files().some(({ content }) => content.hasGoneAstray);
  }
  get capacityBytes(): number {
    return this.#capacityBytes;
  }
  get usedBytes(): number {
    return this.names.files().reduce((sum, file) => sum + file.content.allocatedSectors, 0) * sectorBytes;
  }

  setCapacityBytes(bytes: number): void {
    this.#capacityBytes = bytes;
  }
  setFaultRates(rates: Partial<DiskFaultRates>): void {
    this.faults.setRates(rates);
  }
  failNext(what: Appointment): void {
    this.faults.failNext(what);
  }

  /** The process dies at the call of this number, counted from the disk's first. */
  crashAt(call: number, moment: CrashMoment): void {
    invariant(call > this.#calls, `call ${call} is over`);
    this.#crash = { call, moment };
  }

  /** Failures and a death that were appointed and have not come do not come any more. */
  cancelAppointments(): void {
    this.#crash = null;
    this.faults.cancelAppointments();
  }

  /** The process dies: every call that it still makes throws. */
  halt(): void {
    this.#isHalted = true;
  }

  /** What survived, for the next process. `choices` decides what a power loss left. */
  restart(kind: CrashKind, choices: Random = this.random): VirtualFiles {
    if (kind === 'power') {
      this.names.crash(choices);
      for (const file of this.names.files()) file.content.crash(choices);
    } else {
      this.names.dropUnnamed(new Set());
    }
    this.#isHalted = false;
    this.#crash = null;
    this.#delayMs = 0;
    this.#files = new VirtualFiles(this);
    return this.#files;
  }

  /** Turns a bit of what the medium holds of a file. */
  rot(path: string, position: number, bit: number): void {
    this.#files.inodeOf(path).content.rot(position, bit);
  }

  /** The time that the calls since the last question took: whoever made them answers so much later. Infinity: they hang. */
  takeDelayMs(): number {
    const delayMs = this.#isHanging ? Infinity : this.#delayMs;
    this.#delayMs = 0;
    return delayMs;
  }

  /** From here on calls do not come back (`takeDelayMs` says Infinity), until `resume`. */
  hang(): void {
    this.#isHanging = true;
  }

  resume(): void {
    this.#isHanging = false;
    const waiting = this.#resumed;
    this.#resumed = [];
    for (const callback of waiting) callback();
  }

  /** For the one whose call hangs. */
  whenResumed(callback: () => void): void {
    this.#resumed.push(callback);
  }

  /** What VirtualFiles does for each of its calls. */
  call<Value>(files: VirtualFiles, call: DiskCall<Value>): Value {
    this.#checkAlive(files, call);
    const isLast = call.changes && ++this.#calls === this.#crash?.call;
    if (isLast && this.#crash?.moment === 'before') throw this.#die(call);
    if (isLast && this.#crash?.moment === 'during') {
      call.runPart?.(null);
      throw this.#die(call);
    }
    this.#delayMs += this.#delayOf(call, call.lengthBytes ?? 0);
    const answer = this.#answer(call);
    // Whatever the answer is, nobody is left to hear it.
    if (isLast) throw this.#die(call);
    return answer();
  }

  /** What VirtualFiles says of each sync that went well. */
  noteSynced(content: VirtualFileContent): void {
    this.#lastSynced = content;
  }

  syncFaults(): SyncFaults {
    return {
      isMisdirected: () => this.faults.happens('misdirect'),
      misdirect: (bytes) => {
        const victims = this.names.files().filter((file) => file.content.durableSectors > 0);
        const victim = victims[victims.length === 0 ? 0 : this.random.below(victims.length)];
        victim?.content.takeAstray(this.random.below(victim.content.durableSectors), bytes);
      },
    };
  }

  /** Bytes of [position, end) that still find place, from `position` on. */
  fittingBytes(file: FileInode, position: number, endBytes: number): number {
    const missing = file.content.missingSectors(position, endBytes);
    if (missing === 0) return endBytes - position;
    const freeSectors = Math.max(0, Math.floor((this.#capacityBytes - this.usedBytes) / sectorBytes));
    if (missing <= freeSectors) return endBytes - position;
    let end = position;
    while (file.content.missingSectors(position, Math.min(endBytes, end + 1)) <= freeSectors) {
      end = Math.min(endBytes, (Math.floor(end / sectorBytes) + 1) * sectorBytes);
    }
    return end - position;
  }

  #answer<Value>(call: DiskCall<Value>): () => Value {
    const errno = this.faults.errnoOf(call);
    if (errno !== null) {
      call.runPart?.(errno);
      return () => {
        throw fileError(call, errno);
      };
    }
    try {
      const value = call.run();
      return () => value;
    } catch (error) {
      return () => {
        throw error;
      };
    }
  }

  #checkAlive(files: VirtualFiles, call: FileCall): void {
    if (!this.#isHalted && files === this.#files) return;
    throw new VirtualCrash(`${call.operation} ${call.path} by a process that is dead`);
  }

  #die(call: FileCall): VirtualCrash {
    this.#isHalted = true;
    const moment = this.#crash?.moment ?? 'before';
    this.#onDeath();
    return new VirtualCrash(`the process died ${moment} call ${this.#calls}: ${call.operation} ${call.path}`);
  }
}
