// What the state machine costs, on this machine's disk: commands applied in batches as a leader hands them over, alone, beside a million
// volumes with a hundred million extents, and while an image of all that is made; a large volume's snapshot and the delete of it.
//
// What is compared is measured without the time in which other processes had the core: the kernel counts it for each thread. The longest
// step of a delete is held to its bar by the clock, because that is what somebody waits for.
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { median, quantile, type Bench, type Report } from '@holdfast/tooling';
import type { Entry } from '@holdfast/raft';
import { hashedRowsPerTurn } from '../hash-beside.ts';
import { SyncThread } from '../host/file-syncer.ts';
import { hostSettingsDefault } from '../host/host-settings.ts';
import { living } from './schema.ts';
import type { Command } from './commands.ts';
import { MetadataMachine } from './machine.ts';
import { change } from './query.ts';
import { State } from './state.ts';
import { nodeCommand, entryOf, files, poolCommand, Story, temporaryDirectory, volumeCommand } from './state-testing.ts';

const batch = 64;
const runs = 1_000_000;
const streamPartBytes = hostSettingsDefault.snapshotPartBytes;
/** A hundred million extents, in runs of the mean length. */
const runExtents = 64;
const filledRuns = 100_000_000 / runExtents;
const firstFilled = 1_000_000_000;
/** After which a host has what was applied kept. */
const tickSeconds = 0.1;
/** Batches whose commit is timed. */
const timedBatches = 400;

function inSeconds(work: () => void): number {
  const started = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - started) / 1e9;
}

/** Of the main thread, since it began: ready to run, and no core free. */
function coreAwaitedSeconds(): number {
  const [, waited] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
  return Number(waited) / 1e9;
}

/** The processor's time, and the disk's. */
function inOwnSeconds(work: () => void): number {
  const awaited = coreAwaitedSeconds();
  const seconds = inSeconds(work);
  return seconds - (coreAwaitedSeconds() - awaited);
}

function apply(story: Story, commands: readonly Command[]): void {
  const first = story.machine.applied + 1;
  story.machine.apply(commands.map((command, at): Entry => entryOf(command, { index: first + at })));
}

function createVolumes(story: Story, from: number, count: number): number {
  let seconds = 0;
  for (let at = from; at < from + count; at += batch) {
    const { client, sequence } = { client: 1, sequence: at };
    const first = story.machine.applied + 1;
    const entries = Array.from({ length: batch }, (_, each): Entry => {
      const id = `${String(at + each).padStart(8, '0')}-0000-4000-8000-000000000000`;
      const command = volumeCommand(id, { name: `pvc-${id}` });
      const proposal = { session: client, sequence: sequence + each + 1 };
      return entryOf(command, { index: first + each, proposal });
    });
    seconds += inOwnSeconds(() => story.machine.apply(entries));
  }
  return seconds;
}

/** Volumes as if each had been created; their ids are in no order. */
function fillVolumes(story: Story, count: number): void {
  const { database } = story.machine;
  const counted = 'WITH RECURSIVE counted (at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM counted WHERE at < ?)';
  const columns = 'id, name, lineage, tenant, pool, extents, is_shared, attributes, mutable_attributes, epoch';
  database.begin();
  database.run(
    change(`
      ${counted} INSERT INTO volumes (${columns}, epoch_generation, revision, narrowed, changes, is_disputed)
      SELECT printf('%08x-1111-4000-8000-%012d', (at * 2654435761) % 4294967296, at), 'filled ' || at,
        ${firstFilled} + at, 'default', 'pool', 100, 0, '', '', 0, 0, 0, 0, 0, 0 FROM counted
    `),
    count,
  );
  const lineages = "SELECT lineage, 'pool', 0, NULL, NULL, 0, 0, 1 FROM volumes WHERE name LIKE 'filled%'";
  database.run(change(`INSERT INTO lineages ${lineages}`));
  // Each volume has one run or two.
  database.run(
    change(`
      ${counted} INSERT INTO runs (lineage, death, logical, length, device, physical, birth)
      SELECT ${firstFilled + 1} + at % ${count}, ${living}, at / ${count} * ${runExtents}, ${runExtents}, 1, at * ${runExtents}, 0
      FROM counted
    `),
    filledRuns,
  );
  story.machine.checkpoint();
}

/** A volume of runs of one extent, as if each had been converted alone. */
function fillVolume(story: Story): void {
  const { database } = story.machine;
  database.begin();
  const fill = change(`
    WITH RECURSIVE counted (at) AS (SELECT 0 UNION ALL SELECT at + 1 FROM counted WHERE at + 1 < ?)
    INSERT INTO runs (lineage, death, logical, length, device, physical, birth)
    SELECT 1, ?, at * 2, 1, 1, at * 2, 0 FROM counted
  `);
  database.run(fill, runs, living);
  database.run(change('UPDATE lineages SET owned = ? WHERE number = 1'), runs);
  database.run(change('UPDATE pools SET free = free - ?, mapped = ?'), runs, runs);
  database.run(change('DELETE FROM free_runs'));
  database.run(change('UPDATE devices SET free = 0'));
  story.machine.checkpoint();
}

function measureLargeVolume(report: Report, directory: string): void {
  const story = new Story({ path: join(directory, 'large.db'), files });
  story.do(poolCommand('pool'));
  story.do({ kind: 'addDevice', pool: 'pool', device: 'disk', extents: 2 ** 30 });
  story.do(volumeCommand('v', { extents: 2 ** 30 }));
  fillVolume(story);
  const volume = 'v';
  const share = { what: 'share', snapshot: 's', name: 's', start: 0, stop: 0, expected: null } as const;
  story.do({ kind: 'intend', volume, intent: 'i', ...share });
  const { session, agent } = story.do<'registerNode'>(nodeCommand('node'));
  story.do({ kind: 'acknowledge', session, agent, volume, intent: 'i', revision: 1 });
  const snapshotSeconds = inSeconds(() =>
    apply(story, [{ kind: 'commitIntent', volume, intent: 'i', revision: 1, atMs: 0 }]),
  );
  report.figure('snapshot-of-1000000-runs', snapshotSeconds * 1e3, 'ms', { atMost: 20 });
  measureImage(report, story, join(directory, 'image.db'));
  story.do({ kind: 'deleteVolume', volume });
  story.do({ kind: 'deleteSnapshot', snapshot: 's' });
  const steps: number[] = [];
  const own: number[] = [];
  const time = (work: () => void): void => {
    own.push(inOwnSeconds(() => void steps.push(inSeconds(work))));
  };
  const total = inSeconds(() => {
    const progress = { isDone: false };
    for (let keptSeconds = 0; !progress.isDone; keptSeconds += steps.at(-1) ?? 0) {
      time(() => (progress.isDone = story.do<'reclaim'>({ kind: 'reclaim', pool: 'pool' }).isDone));
      if (keptSeconds < tickSeconds) continue;
      time(() => story.machine.keep());
      keptSeconds = 0;
    }
  });
  report.figure('delete-of-1000000-runs-median-step', median(own) * 1e3, 'ms');
  report.figure('delete-of-1000000-runs-longest-step', Math.max(...own) * 1e3, 'ms');
  report.figure('delete-of-1000000-runs-longest-step-by-the-clock', Math.max(...steps) * 1e3, 'ms', { atMost: 20 });
  report.figure('delete-of-1000000-runs', total, 's');
  report.figure('delete-of-1000000-runs-steps', steps.length, 'commands');
  story.machine.close();
}

function measureImage(report: Report, story: Story, path: string): void {
  const source = story.machine.snapshot();
  const file = files.open(path, 'create');
  let bytes = 0;
  const seconds = inOwnSeconds(() => {
    for (let part = source.read(streamPartBytes); part !== null; part = source.read(streamPartBytes)) {
      file.pwrite(part, bytes);
      bytes += part.length;
    }
    file.fsync();
  });
  source.close();
  file.close();
  report.figure('image-size', bytes / 1e6, 'MB');
  report.figure('image-stream', bytes / 1e6 / seconds, 'MB/s', { atLeast: 100 });
}

/** Each batch comes in the worst moment: when a part of the image has just begun to be read and written. Parts are synced as a host does it. */
async function measureStream(report: Report, story: Story, path: string): Promise<void> {
  const createSome = (at: number): number => createVolumes(story, (3_000 + at) * batch, batch) * 1e3;
  const alone = Array.from({ length: timedBatches }, (_, at) => createSome(at));
  const source = story.machine.snapshot();
  const file = files.open(path, 'create');
  let bytes = 0;
  let seconds = 0;
  const nextPart = (): void => {
    const part = source.read(streamPartBytes);
    if (part === null) return;
    file.pwrite(part, bytes);
    bytes += part.length;
  };
  const syncer = new SyncThread();
  const beside: number[] = [];
  for (let at = 0; at < timedBatches; at++) {
    const partSeconds = inOwnSeconds(nextPart);
    seconds += partSeconds;
    const synced = syncer.sync(file);
    beside.push(partSeconds * 1e3 + createSome(timedBatches + at));
    await synced;
  }
  syncer.close();
  source.close();
  file.close();
  report.figure('commit-p99', quantile(alone, 0.99), 'ms');
  report.figure('commit-p99-beside-image', quantile(beside, 0.99), 'ms');
  report.figure('commit-p99-beside-image-ratio', quantile(beside, 0.99) / quantile(alone, 0.99), 'ratio', {
    atMost: 2,
  });
  report.figure('image-stream-of-1000000-volumes', bytes / 1e6 / seconds, 'MB/s', { atLeast: 100 });
}

/** A turn is what everybody else waits for. */
function measureHash(report: Report, story: Story): void {
  const hashing = story.machine.hashing();
  const turns: number[] = [];
  const own: number[] = [];
  const progress = { isDone: false };
  const nextTurn = (): void => void (progress.isDone = hashing.next(hashedRowsPerTurn) !== null);
  while (!progress.isDone) own.push(inOwnSeconds(() => void turns.push(inSeconds(nextTurn))));
  hashing.close();
  const total = own.reduce((sum, seconds) => sum + seconds, 0);
  report.figure('hash-of-1000000-volumes', total, 's');
  report.figure('hash-of-1000000-volumes-median-turn', median(own) * 1e3, 'ms');
  report.figure('hash-of-1000000-volumes-longest-turn-by-the-clock', Math.max(...turns) * 1e3, 'ms', { atMost: 20 });
}

async function measureVolumes(report: Report, directory: string): Promise<void> {
  const path = join(directory, 'volumes.db');
  const story = new Story({ path, files });
  story.do({ kind: 'openClient', atMs: 0 });
  story.do(poolCommand('pool'));
  story.do({ kind: 'addDevice', pool: 'pool', device: 'disk', extents: 2 ** 30 });
  const count = 64_000;
  const empty = count / createVolumes(story, 0, count);
  report.figure('create-volume-empty', empty, 'commands/s', { atLeast: 2_000 });
  fillVolumes(story, 1_000_000 - count);
  const full = count / createVolumes(story, count, count);
  report.figure('create-volume-beside-1000000', full, 'commands/s');
  report.figure('create-volume-full-to-empty', full / empty, 'ratio', { atLeast: 0.8 });
  await measureStream(report, story, join(directory, 'image.db'));
  measureHash(report, story);
  const { volumes } = State.read(story.machine.database);
  const made = 2 * count + 2 * timedBatches * batch;
  if (volumes !== made) throw new Error(`${volumes} of ${made} volumes were created`);
  story.machine.close();
  report.figure('volumes-1000000-size', statSync(path).size / 1e6, 'MB');
  const seconds = inSeconds(() => MetadataMachine.open({ path, files }).close());
  report.figure('open-of-1000000-volumes', seconds, 's', { atMost: 10 });
  report.figure('resident', process.memoryUsage().rss / 1e6, 'MB', { atMost: 1_074 });
}

const bench: Bench = {
  name: 'metadata-state',
  async run(report) {
    const directory = temporaryDirectory();
    try {
      await measureVolumes(report, directory);
      for (const name of readdirSync(directory)) rmSync(join(directory, name));
      measureLargeVolume(report, directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
};
export default bench;
