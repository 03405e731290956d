// Two ways to lose a process or a machine, on a real disk: SIGKILL between any two of SQLite's calls, and a power cut after which any
// part of what was not synced is gone. Whatever is left opens, and is the state at exactly the index that it says.
import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SeededRandom } from '@holdfast/base/internal';
import { batchEntries, batchesOf, endlessLog } from './killed-testing.ts';
import { MetadataMachine } from './machine.ts';
import { stateProblems } from './state-problems.ts';
import { files, inMemory, inTemporaryDirectory } from './state-testing.ts';

/** Processes and fsyncs of a real disk take long on a busy machine. */
const limitMs = 60_000;

const log = endlessLog();

/** What the state is at the end of each batch, by the index of its last entry. */
function statesByIndex(): Map<number, string> {
  const machine = MetadataMachine.open(inMemory);
  const states = new Map<number, string>();
  for (const batch of batchesOf(log)) {
    machine.apply(batch);
    states.set(machine.applied, machine.hash());
  }
  return states;
}

function checkState(path: string, states: ReadonlyMap<number, string>): number {
  const machine = MetadataMachine.open({ path, files });
  const { applied } = machine;
  if (applied > 0) expect(machine.hash()).toBe(states.get(applied));
  expect(stateProblems(machine.database)).toEqual([]);
  // It goes on from there to the same end.
  machine.apply(log.slice(applied, applied + batchEntries));
  expect(machine.hash()).toBe(states.get(machine.applied));
  machine.close();
  return applied;
}

/** Resolves with what the process had said to have kept when it was killed. */
async function killedAfter(
  path: string,
  { lines, waitingBytes }: { lines: number; waitingBytes: number },
): Promise<number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'killed-testing.ts'), path, String(waitingBytes)]);
  let told = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    told += text;
    if (told.split('\n').length > lines) child.kill('SIGKILL');
  });
  const [, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once('close', (...end) => resolve(end));
  });
  expect(signal).toBe('SIGKILL');
  return Number(told.split('\n').at(-2) ?? 0);
}

test(
  'a process that is killed leaves the state of one index, and loses nothing that it had kept',
  () =>
    inTemporaryDirectory(async (directory) => {
      const states = statesByIndex();
      const applied: number[] = [];
      for (const [at, lines] of [1, 3, 5, 8, 11, 13, 16].entries()) {
        const path = join(directory, `${at}.db`);
        // One byte: a checkpoint is under way nearly always.
        const told = await killedAfter(path, { lines, waitingBytes: at % 3 === 2 ? 50_000 : 1 });
        applied.push(checkState(path, states));
        expect(applied.at(-1)).toBeGreaterThanOrEqual(told);
      }
      expect(Math.max(...applied)).toBeLessThan(log.length);
    }),
  limitMs,
);

test(
  'after a power cut the state is that of one index, at least the durable one, however much of the write-ahead log is gone or wrong',
  () =>
    inTemporaryDirectory((directory) => {
      const states = statesByIndex();
      const random = new SeededRandom('power cut');
      const path = join(directory, 'state.db');
      const machine = MetadataMachine.open({ path, files, checkpointLimits: { waitingBytes: 2 ** 30 } });
      const batches = batchesOf(log).slice(0, 40);
      for (const batch of batches.slice(0, 10)) machine.apply(batch);
      machine.checkpoint();
      for (const batch of batches.slice(10)) {
        machine.apply(batch);
        machine.keep();
      }
      const { durable, applied } = machine;
      expect(durable).toBe(10 * batchEntries);
      const wal = readFileSync(`${path}-wal`);
      const seen = new Set<number>();
      for (let trial = 0; trial < 24; trial++) {
        const cut = join(directory, `cut ${trial}.db`);
        copyFileSync(path, cut);
        const left = Buffer.from(wal);
        const from = random.below(wal.length);
        // Gone, or never written, or other bytes of the disk.
        if (trial % 3 !== 0) left.fill(trial % 3 === 1 ? 0 : 0xa5, from, from + 1 + random.below(8_192));
        writeFileSync(`${cut}-wal`, trial % 3 === 0 ? left.subarray(0, from) : left);
        const found = checkState(cut, states);
        expect(found).toBeGreaterThanOrEqual(durable);
        expect(found).toBeLessThanOrEqual(applied);
        seen.add(found);
      }
      expect(seen.size).toBeGreaterThan(5);
      machine.close();
    }),
  limitMs,
);
