// What each kind of fault is: how it is drawn and how it is brought about. A draw gives plain values; what only the moment can tell
// (who leads, how full a disk is) is looked up when the fault happens. Faults overlap freely: each takes back what it did itself.
import type { SeededRandom } from '@holdfast/base/internal';
import type { Fault } from '../world/scenario.ts';
import type { VirtualWorld } from '../world/virtual-world.ts';

/** Whom a draw may name. */
export interface Cast {
  /** Machines of members: what has disks and may die. */
  readonly members: readonly string[];
  /** Machines that only ask. */
  readonly clients: readonly string[];
  /** Those whose durable data the seed may damage (fault-atlas.ts). */
  readonly fragile: readonly string[];
}

export type DrawnFault = Omit<Fault, 'kind' | 'atMs'>;

export interface FaultKind {
  /** What happens, for the documentation and for traces. */
  readonly what: string;
  /** How often a minute it happens at most; each seed draws its own rate up to here. */
  readonly perMinuteMax: number;
  /** null where this cast has nobody for it. */
  draw(random: SeededRandom, cast: Cast): DrawnFault | null;
  /** `target` is a machine. What comes back ends it. */
  begin(world: VirtualWorld, fault: Fault, target: string): () => void;
}

export const nothingToEnd = (): void => {};

export function pick<Item>(random: SeededRandom, items: readonly Item[]): Item | null {
  return items.length === 0 ? null : (items[random.below(items.length)] ?? null);
}

/** The name of a machine, or now and then the role `leader`, whom faults hurt most. */
export function pickTarget(random: SeededRandom, cast: Cast): string {
  return random.below(4) === 0 ? 'leader' : (pick(random, cast.members) ?? '');
}

/** Mostly short, sometimes long: what real outages look like. */
export function drawDurationMs(random: SeededRandom, leastMs: number, mostMs: number): number {
  const share = random.fraction() ** 3;
  return Math.round(leastMs + share * (mostMs - leastMs));
}

export function numberOf(fault: Fault, name: string): number {
  const value = fault.parameters[name];
  if (typeof value !== 'number') throw new Error(`fault ${fault.kind} has no number ${name}`);
  return value;
}

export function textOf(fault: Fault, name: string): string {
  const value = fault.parameters[name];
  if (typeof value !== 'string') throw new Error(`fault ${fault.kind} has no text ${name}`);
  return value;
}

export function namesOf(fault: Fault, name: string): readonly string[] {
  const value = fault.parameters[name];
  if (!Array.isArray(value)) throw new Error(`fault ${fault.kind} has no names ${name}`);
  return value.filter((each) => typeof each === 'string');
}
