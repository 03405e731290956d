// Disks that are slow, full, broken for a moment, or that damage what they hold. What damages durable data hits fragile members only
// (fault-atlas.ts).
import type { DiskFaultRates, SeededRandom, VirtualFileContent } from '@holdfast/base/internal';
import { sectorBytes } from '@holdfast/base/internal';
import type { Fault, PlainValue } from '../world/scenario.ts';
import type { VirtualMachine } from '../world/virtual-machine.ts';
import {
  drawDurationMs,
  nothingToEnd,
  numberOf,
  pick,
  pickTarget,
  textOf,
  type Cast,
  type DrawnFault,
  type FaultKind,
} from './fault-kind.ts';

/** A call that fails once, some calls from now. */
function failing(operations: readonly ('pread' | 'pwrite' | 'fdatasync' | 'fsync directory' | 'preallocate')[]) {
  return {
    draw: (random: SeededRandom, cast: Cast): DrawnFault => ({
      target: pickTarget(random, cast),
      durationMs: 0,
      parameters: { operation: pick(random, operations) ?? 'pread', skip: random.below(30) },
    }),
    begin: (world: { machine(name: string): VirtualMachine }, fault: Fault, target: string): (() => void) => {
      const operation = operations.find((each) => each === textOf(fault, 'operation'));
      if (operation === undefined) return nothingToEnd;
      world.machine(target).disk.failNext({ operation, errno: 'EIO', skip: numberOf(fault, 'skip') });
      return nothingToEnd;
    },
  };
}

/** For a time, each of many sectors or reads may be hit. */
function damaging(rate: keyof DiskFaultRates, most: number) {
  return {
    draw: (random: SeededRandom, cast: Cast): DrawnFault | null => {
      const target = pick(random, cast.fragile);
      if (target === null) return null;
      return {
        target,
        durationMs: drawDurationMs(random, 1000, 20_000),
        parameters: { rate: random.fraction() * most },
      };
    },
    begin: (world: { machine(name: string): VirtualMachine }, fault: Fault, target: string): (() => void) =>
      world.machine(target).worsenDisk({ [rate]: numberOf(fault, 'rate') }),
  };
}

export const diskFaults: Readonly<Record<string, FaultKind>> = {
  'slow-disk': {
    what: 'calls to a disk take up to two hundred times as long',
    perMinuteMax: 4,
    draw: (random, cast) => ({
      target: pickTarget(random, cast),
      durationMs: drawDurationMs(random, 500, 15_000),
      parameters: { factor: 2 + random.below(200) },
    }),
    begin: (world, fault, target) => world.machine(target).slowDown(numberOf(fault, 'factor')),
  },
  'hanging-disk': {
    what: 'calls to a disk do not come back for a while',
    perMinuteMax: 4,
    draw: (random, cast) => ({
      target: pickTarget(random, cast),
      durationMs: drawDurationMs(random, 100, 8000),
      parameters: {},
    }),
    begin: (world, _fault, target) => {
      const { disk } = world.machine(target);
      disk.hang();
      return () => disk.resume();
    },
  },
  'full-disk': {
    what: 'a disk has hardly any room left',
    perMinuteMax: 3,
    draw: (random, cast) => ({
      target: pickTarget(random, cast),
      durationMs: drawDurationMs(random, 500, 15_000),
      parameters: { freeBytes: random.below(32 * 1024) },
    }),
    begin: (world, fault, target) => {
      const { disk } = world.machine(target);
      const { capacityBytes } = disk;
      disk.setCapacityBytes(disk.usedBytes + numberOf(fault, 'freeBytes'));
      return () => disk.setCapacityBytes(Math.max(capacityBytes, disk.capacityBytes));
    },
  },
  'failing-read': { what: 'a read fails with EIO', perMinuteMax: 6, ...failing(['pread']) },
  'failing-write': {
    what: 'a write fails with EIO, and any part of it was taken',
    perMinuteMax: 4,
    ...failing(['pwrite', 'preallocate']),
  },
  'failing-sync': {
    what: 'a sync fails with EIO, and what it should have made durable may be dropped without another word',
    perMinuteMax: 4,
    ...failing(['fdatasync', 'fsync directory']),
  },
  rot: {
    what: 'bits turn on the medium, or whole sectors are lost, where something stands or in what was written last, one or several neighbours; perhaps the process is killed then',
    perMinuteMax: 8,
    draw: (random, cast) => {
      const target = pick(random, cast.fragile);
      const place = { file: random.fraction(), place: random.fraction(), bits: pick(random, bitsOfSector) ?? 1 };
      const parameters = { ...place, isRestarted: random.below(2) === 0, ...drawSpan(random) };
      return target === null ? null : { target, durationMs: 0, parameters };
    },
    begin: (world, fault, target) => {
      const machine = world.machine(target);
      const victim = fault.parameters['isNewest'] === true ? newestSectors(machine, fault) : anySectors(machine, fault);
      if (victim !== null) rot(victim, fault);
      // A log reads its end again only at a start.
      if (fault.parameters['isRestarted'] === true) machine.kill();
      return nothingToEnd;
    },
  },
  'rotting-disk': { what: 'what is read has turned on the medium', perMinuteMax: 3, ...damaging('rot', 0.01) },
  'flipping-reads': {
    what: 'reads return a wrong bit; the next one may be right',
    perMinuteMax: 3,
    ...damaging('readFlip', 0.01),
  },
  'misdirecting-disk': {
    what: 'sectors are written to the place of other ones, of the same or of another file',
    perMinuteMax: 3,
    ...damaging('misdirect', 0.02),
  },
};

/** Of each sector that rots: a few that no checksum of the disk noticed, or one in every byte, as where nothing can be told any more. */
const bitsOfSector = [1, 2, 3, 5, 8, 8, sectorBytes, sectorBytes];

/**
 * A flash chip loses a page, and with it neighbours that were synced long before; a head that flew too high leaves what it
 * wrote last unreadable. So damage has an extent, and a liking for what is new.
 */
function drawSpan(random: SeededRandom): Readonly<Record<string, PlainValue>> {
  return {
    isNewest: random.below(3) > 0,
    sectors: pick(random, [1, 2, 2 + random.below(15)]) ?? 1,
    offset: random.below(sectorBytes),
  };
}

interface Victim {
  readonly content: VirtualFileContent;
  readonly sectors: readonly number[];
}

/** Of those that were synced last, the later ones more often. */
function newestSectors({ disk }: VirtualMachine, fault: Fault): Victim | null {
  const content = disk.lastSynced;
  if (content === null) return null;
  const newest = content.newestSectors;
  const first = Math.floor(numberOf(fault, 'place') ** 3 * newest.length);
  return { content, sectors: newest.slice(first, first + numberOf(fault, 'sectors')) };
}

/** The first sector is one that is not empty: an empty one has nothing to lose. */
function anySectors({ disk }: VirtualMachine, fault: Fault): Victim | null {
  const files = disk.names.files().filter(({ content }) => content.durableSizeBytes > 0);
  const content = files[Math.floor(numberOf(fault, 'file') * files.length)]?.content;
  if (content === undefined) return null;
  const { durableSectors } = content;
  const first = Math.floor(numberOf(fault, 'place') * durableSectors);
  const sectors = Array.from({ length: durableSectors }, (_, at) => (first + at) % durableSectors);
  const begin = sectors.findIndex((sector) => !isEmpty(content, sector));
  return { content, sectors: sectors.slice(Math.max(0, begin), Math.max(0, begin) + numberOf(fault, 'sectors')) };
}

function rot({ content, sectors }: Victim, fault: Fault): void {
  for (const sector of sectors) {
    for (let bit = 0; bit < numberOf(fault, 'bits'); bit++) {
      const position = sector * sectorBytes + ((numberOf(fault, 'offset') + bit * 97) % sectorBytes);
      if (position < content.durableSizeBytes) turnOnce(content, position, bit % 8);
    }
  }
}

interface TurnedByte {
  /** As it is read since. */
  readonly byte: number;
  /** The bits of it that turned. */
  readonly bits: number;
}
const turnedBytes = new WeakMap<VirtualFileContent, Map<number, TurnedByte>>();

/**
 * A medium that lost a bit does not get it back. The story: fifteen sectors rotted, a recovery cut them off as a tail and wrote on
 * before their end; a second rot met two of them bit for bit, and what had been lost stood whole behind what was written since.
 */
function turnOnce(content: VirtualFileContent, position: number, bit: number): void {
  const turned = turnedBytes.get(content) ?? new Map<number, TurnedByte>();
  turnedBytes.set(content, turned);
  const before = byteAt(content, position);
  const known = turned.get(position);
  // Another byte was written there since.
  const bits = known?.byte === before ? known.bits : 0;
  if ((bits & (1 << bit)) !== 0) return;
  content.rot(position, bit);
  const byte = byteAt(content, position);
  // A newer version waits in the cache, and takes the place of what has rotted.
  if (byte === before) turned.delete(position);
  else turned.set(position, { byte, bits: bits | (1 << bit) });
}

function byteAt(content: VirtualFileContent, position: number): number {
  const bytes = new Uint8Array(1);
  content.read(bytes, position);
  return bytes[0] ?? 0;
}

function isEmpty(content: VirtualFileContent, sector: number): boolean {
  const bytes = new Uint8Array(sectorBytes);
  content.read(bytes, sector * sectorBytes);
  return bytes.every((byte) => byte === 0);
}
