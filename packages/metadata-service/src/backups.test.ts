// Metadata servers with real files, sockets and certificates: a backup under load, the loss of every server, and what is restored.
import { rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect } from '@jest/globals';
import { RealClock, RealFiles, RealRandom, RealTimers, type FreeSpace } from '@holdfast/base';
import { verifyBackup } from './backup-file.ts';
import { Backups, backupLimitsDefault } from './backups.ts';
import { openLog } from './host/initialise.ts';
import { fromLogEntry } from './host/log-entry.ts';
import { metadataGroup } from './member-home.ts';
import { restoreBackup } from './restore.ts';
import { groupTest, succeeds, TestGroup, until, type TestMember } from './service-testing.ts';
import type { Command, CommandKind, CommandOf, ResultOf } from './state/commands.ts';
import { MetadataMachine } from './state/machine.ts';
import { inMemory, nodeCommand, poolCommand, volumeCommand } from './state/state-testing.ts';

const files = new RealFiles();
const parts = { clock: new RealClock(), timers: new RealTimers(), random: new RealRandom() };

let group: TestGroup;
const backup = join(tmpdir(), `holdfast-backup-${process.pid}`);
afterEach(async () => {
  await group.close();
  rmSync(backup, { force: true });
});

async function bytesOf(member: TestMember | undefined, signal = new AbortController().signal): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of member?.service?.backups.make(signal) ?? []) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** At whoever leads, until it is answered: each of these commands may be repeated. */
async function propose<Kind extends CommandKind>(command: CommandOf<Kind> & Command): Promise<ResultOf<Kind>> {
  const answers: ResultOf<Kind>[] = [];
  await until(async () => {
    const { proposer } = await group.atLeader();
    return succeeds(proposer.propose<Kind>(command).then((answer) => answers.push(answer)));
  });
  const [answer] = answers;
  if (answer === undefined) throw new Error('it was answered');
  return answer;
}

/** Volumes, one after another, until it is told to end. */
class Load {
  readonly #running: Promise<void>;
  made = 0;
  #isEnding = false;

  constructor() {
    this.#running = this.#run();
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isEnding) {
      await propose<'createVolume'>(volumeCommand(`v${this.made}`));
      this.made++;
    }
  }
}

/** What the log of a member that stopped makes of nothing, up to that revision. */
async function replayed({ directory }: TestMember, index: number): Promise<string> {
  const log = await openLog({ directory, ...parts }, false);
  const machine = MetadataMachine.open(inMemory);
  try {
    for (let from = 1; from <= index;) {
      const read = log.read(metadataGroup, { from, to: index, budgetBytes: 1024 * 1024 });
      machine.apply(read.map(fromLogEntry));
      from += read.length;
    }
    return machine.hash();
  } finally {
    machine.close();
    await log.close();
  }
}

const agree = async (): Promise<void> =>
  until(() => new Set(group.members.map(({ service }) => service?.machine.applied)).size === 1);

const wasRefused = (code: string): boolean =>
  group.certificates.sink.records.some((record) => (record['error'] as { code?: string } | undefined)?.code === code);

groupTest(
  'a backup under load, with all servers lost behind it, makes a cluster again in which nothing old has a say',
  async () => {
    group = await TestGroup.ofThree();
    const [first, second, third] = group.members;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three members');
    await propose<'createPool'>(poolCommand('pool'));
    await propose<'addDevice'>({ kind: 'addDevice', pool: 'pool', device: 'disk', extents: 10_000 });
    const { session } = await propose<'registerNode'>(nodeCommand('node'));
    const load = new Load();
    await until(() => load.made > 50);
    await writeFile(backup, await bytesOf(group.members.find(({ service }) => service?.isLeader === false)));
    const { head } = verifyBackup(files, backup);
    const before = load.made;
    await until(() => load.made > before + 50);
    const { session: later } = await propose<'registerNode'>(nodeCommand('later'));
    await load.end();
    await agree();
    for (const member of group.members) await group.stop(member);
    const hash = await replayed(third, head.index);

    for (const { directory } of [first, second]) rmSync(directory, { recursive: true });
    const restored = await restoreBackup({ ...group.homeOf(first), backup, seen: 0, by: 'ada' }, first);
    expect(restored).toMatchObject({ hash, generation: 2 });
    await group.start(first);
    await group.ready(first);
    // One of before that was forgotten, and is started as it was.
    await group.start(third);
    await until(() => wasRefused('RAFT_MESSAGE_MISDIRECTED'));
    await group.stop(third);
    rmSync(third.directory, { recursive: true });
    for (const { name } of [second, third]) await group.promote(await group.join(name));

    const secretHash = Buffer.from('secret of node');
    const resumed = propose<'resumeSession'>({ kind: 'resumeSession', session, secretHash });
    await expect(resumed).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    const unknown = propose<'resumeSession'>({ kind: 'resumeSession', session: later, secretHash });
    await expect(unknown).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
    await propose<'createVolume'>(volumeCommand('another'));
    await agree();
    expect(new Set(group.members.map((member) => member.service?.machine.hash()))).toHaveProperty('size', 1);
  },
);

groupTest('one backup is made at a time, and one that nobody waits for any more ends', async () => {
  group = await TestGroup.create();
  const [first] = group.members;
  const given = new AbortController();
  const pieces = first?.service?.backups.make(given.signal);
  await pieces?.next();
  await expect(bytesOf(first)).rejects.toMatchObject({ code: 'STATE_IMAGE_BUSY' });
  given.abort(new Error('the caller went away'));
  await expect(pieces?.next()).rejects.toThrow('the caller went away');
  expect((await bytesOf(first)).length).toBeGreaterThan(1_000);
  expect(files.readdir(first?.directory ?? '')).not.toContain('backup.sending');
});

groupTest('a disk on which the backup would crowd the log is left alone', async () => {
  group = await TestGroup.create();
  const [first] = group.members;
  if (first?.service === null || first === undefined) throw new Error('one member runs');
  const { service, directory } = first;
  const full = new (class extends RealFiles {
    override freeSpace(): FreeSpace {
      return { freeBytes: 100_000, totalBytes: 1_000_000 };
    }
  })();
  const limits = backupLimitsDefault;
  const whose = { cluster: 'c', member: 'm1', release: 'test', directory, files: full };
  const backups = new Backups({ ...whose, machine: service.machine, replica: service.replica, limits, ...parts });
  for (const signal of [new AbortController().signal, new AbortController().signal]) {
    await expect(backups.make(signal).next()).rejects.toMatchObject({ code: 'DISK_FULL' });
  }
  expect(files.readdir(directory)).not.toContain('backup.sending');
});
