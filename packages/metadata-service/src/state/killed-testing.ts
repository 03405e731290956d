// A process that applies the log of this file to a state on a disk until it is killed: `node killed-testing.ts PATH WAITING_BYTES`. It
// says what of it is kept. The test that kills it knows the same log.
import { argv, stdout } from 'node:process';
import { pathToFileURL } from 'node:url';
import type { Entry } from '@holdfast/raft';
import type { Command } from './commands.ts';
import { MetadataMachine } from './machine.ts';
import { entryOf, files, nodeCommand, poolCommand, volumeCommand } from './state-testing.ts';

const volumes = 10;
const rounds = 450;
export const batchEntries = 5;
/** Batches that are kept together. */
const batchesKept = 3;

/** Volumes, grants, and then allocations and conversions without end. */
export function endlessLog(): Entry[] {
  const commands: Command[] = [
    poolCommand('pool'),
    { kind: 'addDevice', pool: 'pool', device: 'disk', extents: 2 ** 20 },
  ];
  commands.push(nodeCommand('node'), { kind: 'openClient', atMs: 0 });
  for (let at = 0; at < volumes; at++) {
    const volume = `v${at}`;
    commands.push(volumeCommand(volume, { extents: rounds }), { kind: 'publish', volume, node: 'node', mode: 'write' });
  }
  for (let round = 0; round < rounds; round++) {
    const grant = { session: '1.node.1', agent: 1, volume: `v${round % volumes}`, epoch: 1 };
    // The device's extents are given out in their order, so the log knows which they are.
    const entry = { logical: round, length: 1, device: 1, start: round, expect: null };
    commands.push(
      { kind: 'allocate', ...grant, extents: 1 },
      { kind: 'convert', ...grant, revision: 0, entries: [entry] },
    );
  }
  return commands.map((command, at) => entryOf(command, { index: at + 1 }));
}

export function batchesOf(log: readonly Entry[]): Entry[][] {
  return Array.from({ length: Math.ceil(log.length / batchEntries) }, (_, at) =>
    log.slice(at * batchEntries, (at + 1) * batchEntries),
  );
}

function applyAll(path: string, waitingBytes: number): void {
  const machine = MetadataMachine.open({ path, files, checkpointLimits: { waitingBytes, walBytes: 200_000 } });
  for (const [at, batch] of batchesOf(endlessLog()).entries()) {
    machine.apply(batch);
    if (at % batchesKept !== 0) continue;
    machine.keep();
    // Synchronous to a pipe: what the parent has read was kept.
    stdout.write(`${machine.applied}\n`);
  }
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) applyAll(argv[2] ?? '', Number(argv[3]));
