// Processes of their own on real files, killed at one call after another; crash.test.ts does the same to a virtual disk, which
// can also lose power.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { RealClock, RealFiles, RealRandom, RealTimers } from '@holdfast/base';
import { InlineExecutor } from './executor.ts';
import { after, emptyGroup, tellLog, works, type KillOrder, type Told, type ToldGroup } from './kill-work-testing.ts';
import type { KillPoint } from './killing-files-testing.ts';
import { LogDisk } from './log-disk.ts';
import { RaftLog } from './raft-log.ts';
import { entries, smallLimits } from './testing.ts';

const home = mkdtempSync(join(tmpdir(), 'holdfast-kill-'));
afterAll(() => rmSync(home, { recursive: true }));

/** Of all points every so many is tried; 1 tries each, which takes minutes. */
const stride = Number(process.env['HOLDFAST_KILL_STRIDE'] ?? 29);
/** Processes at a time. */
const lanes = 2;

interface Trial extends Pick<KillOrder, 'work' | 'point'> {
  /** The log that the work begins with; null for none. */
  readonly origin: string | null;
}

interface TrialEnd {
  readonly folder: string;
  readonly directory: string;
  /** Steps, and the open before them. */
  readonly acknowledged: number;
}

async function run({ work, point, origin }: Trial): Promise<TrialEnd> {
  const folder = mkdtempSync(join(home, 'trial-'));
  const directory = join(folder, 'log');
  if (origin !== null) cpSync(origin, directory, { recursive: true });
  const [acknowledgedPath, callsPath] = [join(folder, 'acknowledged'), join(folder, 'calls')];
  const order: KillOrder = { directory, work, point, acknowledgedPath, callsPath };
  const words = [join(import.meta.dirname, 'killed-testing.ts'), JSON.stringify(order)];
  const child = spawn(process.execPath, words, { stdio: 'inherit' });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  expect({ point, code, signal }).toEqual({ point, ...(point === null ? completed : killed) });
  return { folder, directory, acknowledged: countLines(acknowledgedPath) };
}

const completed = { code: 0, signal: null };
const killed = { code: null, signal: 'SIGKILL' };

function countLines(path: string): number {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0;
}

/** Before each call, and in the middle of each write. */
function pointsOf(calls: readonly string[]): KillPoint[] {
  return calls.flatMap((name, at) => {
    const before: KillPoint = { call: at + 1, moment: 'before' };
    return name === 'pwrite' ? [before, { call: at + 1, moment: 'within' }] : [before];
  });
}

async function open(directory: string): Promise<RaftLog> {
  const [files, clock] = [new RealFiles(), new RealClock()];
  const parts = { files, clock, executor: new InlineExecutor(new LogDisk(files, clock)) };
  return RaftLog.open({ directory, limits: smallLimits, timers: new RealTimers(), random: new RealRandom(), ...parts });
}

interface Findings {
  readonly found: Told;
  /** By the model: after the last step that was acknowledged, and after the one that was not. */
  readonly before: Told;
  readonly after: Told;
}

/** A batch is there or it is not. */
function expectOneOf({ found, before, after }: Findings): void {
  if (JSON.stringify(found) !== JSON.stringify(before)) expect(found).toEqual(after);
}

/** Of a batch that was written in part: what stands before and after is there, and what is there stands before or after. */
function expectBetween({ found, before, after }: Findings): void {
  for (const id of new Set([...Object.keys(found), ...Object.keys(before), ...Object.keys(after)].map(Number))) {
    const sides = [before[id], after[id]].filter((side) => side !== undefined);
    const group = found[id];
    if (group === undefined) expect(sides.length).toBeLessThan(2);
    else expectGroupBetween(group, sides);
  }
}

function expectGroupBetween(group: ToldGroup, sides: readonly ToldGroup[]): void {
  const all = sides.length < 2 ? [emptyGroup, ...sides] : sides;
  for (const field of ['vote', 'commit', 'purged', 'userData'] as const) {
    expect(all.map((side) => side[field])).toContain(group[field]);
  }
  const inAll = all.reduce((held, side) => held.filter((entry) => side.entries.includes(entry)), all[0]?.entries ?? []);
  expect(group.entries).toEqual(expect.arrayContaining([...inAll]));
  const inAny = all.flatMap((side) => side.entries);
  expect(inAny).toEqual(expect.arrayContaining([...group.entries]));
}

/** Opens what the kill left, compares, and goes on with it. `states`: what the model says after the open and after each step. */
async function check({ directory, acknowledged }: TrialEnd, states: readonly Told[], trial: Trial): Promise<void> {
  const log = await open(directory);
  const found = tellLog(log);
  const before = states[Math.max(0, acknowledged - 1)] ?? {};
  const findings = { found, before, after: states[acknowledged] ?? before };
  const isTorn = trial.point?.moment === 'within' || trial.origin !== null;
  if (isTorn) expectBetween(findings);
  else expectOneOf(findings);
  const isBearable = (standing: string): boolean => isTorn && standing === 'tail';
  expect(log.report.damages.filter(({ standing }) => !isBearable(standing))).toEqual([]);
  if (!log.groups().includes(9)) await log.createGroup(9);
  await log.saveVote(9, { term: 6, vote: 2 });
  await log.append(9, entries(1, 6, 'goes on'));
  await log.close();

  const again = await open(directory);
  expect(again.report).toMatchObject({ damages: [], isClean: true });
  const { 9: other, ...rest } = tellLog(again);
  expect({ rest, other: other?.entries }).toEqual({ rest: found, other: ['1:6:goes on'] });
  await again.close();
}

/** What an open finds in a copy of the directory. */
async function found(directory: string): Promise<Told> {
  const copy = mkdtempSync(join(home, 'copy-'));
  cpSync(directory, copy, { recursive: true });
  const log = await open(copy);
  const told = tellLog(log);
  await log.close();
  return told;
}

/** Kills of a work, as many as the stride leaves. Returns how many there are. */
async function tryEach(work: Trial['work'], origin: string | null): Promise<number> {
  const { folder, directory } = await run({ work, point: null, origin });
  const states = [origin === null ? {} : await found(origin)];
  for (const step of works[work]) states.push(after(states.at(-1) ?? {}, step));
  expect(await found(directory)).toEqual(states.at(-1));
  const all = pointsOf(callsIn(folder));
  const points = all.filter((_point, at) => at % stride === 0);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let point = points[next++]; point !== undefined; point = points[next++]) {
      const trial = { work, point, origin };
      const end = await run(trial);
      await check(end, states, trial).catch((error: unknown) => {
        throw new Error(`killed ${point.moment} call ${point.call}`, { cause: error });
      });
      rmSync(end.folder, { recursive: true });
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return all.length;
}

function callsIn(folder: string): string[] {
  return JSON.parse(readFileSync(join(folder, 'calls'), 'utf8')) as string[];
}

test(
  'wherever a process is killed, in a call or between two, the next one finds what was acknowledged and invents nothing',
  async () => {
    expect(await tryEach('life', null)).toBeGreaterThan(150);
  },
  10 * 60_000,
);

test(
  'nor does it when it is killed while it opens a log with a torn end and goes on behind it',
  async () => {
    const { folder } = await run({ work: 'life', point: null, origin: null });
    const lastWrite = callsIn(folder).slice(0, -2).lastIndexOf('pwrite') + 1;
    const { directory } = await run({ work: 'life', point: { call: lastWrite, moment: 'within' }, origin: null });
    expect(await tryEach('after a tear', directory)).toBeGreaterThan(15);
  },
  10 * 60_000,
);
