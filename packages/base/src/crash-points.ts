// Every crash of a piece of work, one after another: at each of its calls, at each moment of the call, and with every
// state of the disk that the crash may leave (or a stated number of them, where there are too many).
import { EveryChoice } from './every-choice.ts';
import type { Files } from './files.ts';
import { invariant } from './invariant.ts';
import { SeededRandom } from './seeded-random.ts';
import { VirtualCrash, VirtualDisk, type CrashKind, type CrashMoment } from './virtual-disk.ts';

export interface CrashPoint {
  /** The number of the call within `work`, from 1; one more than there are: it was done, and then the power failed. */
  readonly call: number;
  readonly moment: CrashMoment;
  readonly kind: CrashKind;
}

export interface CrashOptions {
  readonly seed: number | string;
  readonly kinds?: readonly CrashKind[];
  /** States that are looked at for one point: all of them if they are fewer, else as many from the seed. */
  readonly survivorsLimit?: number;
  /** What is there before, synced; not part of the enumeration. */
  readonly prepare?: (files: Files) => void;
  readonly work: (files: Files) => void;
  readonly check: (files: Files, point: CrashPoint) => void;
}

const survivorsLimitDefault = 200;
const moments = ['before', 'during', 'after'] as const;

/** Returns how many states were checked. */
export function forEachCrash(options: CrashOptions): number {
  const { disk, firstCall } = prepared(options);
  options.work(disk.files);
  const calls = disk.calls - firstCall;
  let states = 0;
  for (const kind of options.kinds ?? ['power', 'process']) {
    for (let call = 1; call <= calls; call++) {
      for (const moment of moments) states += checkPoint(options, { call, moment, kind }, calls);
    }
    states += checkPoint(options, { call: calls + 1, moment: 'before', kind }, calls);
  }
  return states;
}

function checkPoint(options: CrashOptions, point: CrashPoint, calls: number): number {
  const limit = options.survivorsLimit ?? survivorsLimitDefault;
  const choices = new EveryChoice();
  for (let states = 1; ; states++) {
    const disk = crashed(options, point, calls);
    disk.restart(point.kind, choices);
    check(options, point, disk);
    if (!choices.advance()) return states;
    // Too many: what was seen differs in the last choices only, so the seed draws from all of them.
    if (states === limit) break;
  }
  for (let index = 0; index < limit; index++) {
    const disk = crashed(options, point, calls);
    disk.restart(point.kind, new SeededRandom(`${options.seed}/survivor ${index}`));
    check(options, point, disk);
  }
  return limit * 2;
}

function check(options: CrashOptions, point: CrashPoint, disk: VirtualDisk): void {
  try {
    options.check(disk.files, point);
  } catch (error) {
    const where = `after a ${point.kind} crash ${point.moment} call ${point.call}`;
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function prepared(options: CrashOptions): { disk: VirtualDisk; firstCall: number } {
  const disk = new VirtualDisk({ seed: options.seed });
  options.prepare?.(disk.files);
  return { disk, firstCall: disk.calls };
}

function crashed(options: CrashOptions, point: CrashPoint, calls: number): VirtualDisk {
  const { disk, firstCall } = prepared(options);
  disk.crashAt(firstCall + point.call, point.moment);
  try {
    options.work(disk.files);
  } catch (error) {
    if (!(error instanceof VirtualCrash)) throw error;
    return disk;
  }
  invariant(point.call > calls, `the work no longer reaches call ${point.call}: it is not deterministic`);
  disk.halt();
  return disk;
}
