// A log of commands and the machines that apply it, for this folder's tests and benches.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOpError, RealFiles, RealTimers, sleep, type LogIndex, type Term } from '@holdfast/base';
import type { Entry, ProposalId } from '@holdfast/raft';
import type { SnapshotSource } from '../host/state-machine.ts';
import { decodeAnswer, encodeCommand } from './command-codec.ts';
import type { Command, CommandOf, CommandKind, ResultOf } from './commands.ts';
import { MetadataMachine, type MetadataOptions } from './machine.ts';

export const files = new RealFiles();
const timers = new RealTimers();
/** Where nothing lies on a disk. */
export const inMemory: MetadataOptions = { path: null, files };

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'holdfast-state-'));
}

export async function inTemporaryDirectory(work: (directory: string) => Promise<void> | void): Promise<void> {
  const directory = temporaryDirectory();
  try {
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export function entryOf(command: Command, at: { index: number; term?: number; proposal?: ProposalId | null }): Entry {
  const { index, term = 1, proposal = null } = at;
  return { index: index as LogIndex, term: term as Term, kind: 'command', data: encodeCommand(command), proposal };
}

export function versionEntry(version: number, index: number): Entry {
  const data = new TextEncoder().encode(JSON.stringify(version));
  return { index: index as LogIndex, term: 1 as Term, kind: 'version', data, proposal: null };
}

/** Applies one command after another, and keeps them. */
export class Story {
  readonly machine: MetadataMachine;
  readonly log: Entry[] = [];
  term = 1;

  constructor(options: MetadataOptions = inMemory) {
    this.machine = MetadataMachine.open(options);
  }

  /** What its proposer is told; throws what it was refused with. */
  do<Kind extends CommandKind>(command: CommandOf<Kind> & Command, proposal: ProposalId | null = null): ResultOf<Kind> {
    return decodeAnswer(command.kind, this.answerTo(command, proposal));
  }

  answerTo(command: Command, proposal: ProposalId | null = null): Uint8Array {
    const entry = entryOf(command, { index: this.machine.applied + 1, term: this.term, proposal });
    this.log.push(entry);
    const [answer] = this.machine.apply([entry]);
    return answer ?? new Uint8Array();
  }

  /** The code of the error, or null if the command took effect. */
  try(command: Command): string | null {
    try {
      decodeAnswer(command.kind, this.answerTo(command));
      return null;
    } catch (error) {
      if (!isOpError(error)) throw error;
      return error.code;
    }
  }

  reclaimAll(pool: string): void {
    while (!this.do<'reclaim'>({ kind: 'reclaim', pool }).isDone);
  }
}

export const extentBytes = 1024 * 1024;

export function poolCommand(pool: string, properties: Partial<CommandOf<'createPool'>> = {}): CommandOf<'createPool'> {
  return {
    kind: 'createPool',
    pool,
    fencing: 'lease',
    tier: 'kernel',
    isBestEffortTakeover: false,
    drainBoundMs: null,
    fencesPerHour: 3,
    oversubscriptionPercent: 0,
    extentBytes,
    ...properties,
  };
}

export function volumeCommand(
  volume: string,
  properties: Partial<CommandOf<'createVolume'>> = {},
): CommandOf<'createVolume'> {
  const rest = { tenant: 'default', pool: 'pool', extents: 100, isShared: false, attributes: '' };
  return { kind: 'createVolume', volume, name: `name of ${volume}`, ...rest, ...properties };
}

export function nodeCommand(
  node: string,
  properties: Partial<CommandOf<'registerNode'>> = {},
): CommandOf<'registerNode'> {
  const rest = { boot: 'boot 1', ttlMs: 8_000, drainBoundMs: 30_000, tornDown: [], after: null };
  const secretHash = Buffer.from(`secret of ${node}`);
  return { kind: 'registerNode', node, machine: `machine ${node}`, secretHash, ...rest, ...properties };
}

/** As the ticks of a host do it, where a checkpoint is begun for whatever waits. */
export async function becomeDurable(machine: MetadataMachine): Promise<void> {
  while (machine.durable < machine.applied) {
    machine.keep();
    await sleep(timers, 1);
  }
}

export function readAll(source: SnapshotSource, partBytes = 100_000): Buffer {
  const parts: Uint8Array[] = [];
  for (let part = source.read(partBytes); part !== null; part = source.read(partBytes)) parts.push(part);
  source.close();
  return Buffer.concat(parts);
}

export function sourceOf(bytes: Uint8Array): SnapshotSource {
  let rest = bytes;
  return {
    read(limitBytes) {
      const part = rest.subarray(0, limitBytes);
      rest = rest.subarray(part.length);
      return part.length === 0 ? null : part;
    },
    close: () => undefined,
  };
}
