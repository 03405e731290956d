import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { failureText, helpPage, runWords } from '@holdfast/cli';
import { recordingSystem } from '@holdfast/cli/internal';
import { program } from './commands.ts';
import { formatPlan, readPlan, type PlanFile } from './plan-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-sim-'));
afterAll(() => rmSync(folder, { recursive: true }));

const plan: PlanFile = {
  scenario: 'raft',
  seed: 17,
  planted: null,
  finding: { rule: 'linearizable', text: 'a stale read', atMs: 12 },
  faults: [{ kind: 'cut', atMs: 1, durationMs: 2, target: 'n1', parameters: {} }],
  operations: [],
};

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function failureOf(words: readonly string[]): Promise<string> {
  const { system } = recordingSystem({ commands: program.commands });
  try {
    await runWords(program, words, system);
  } catch (error) {
    return failureText(error, false, program.name);
  }
  return 'it worked';
}

test.each<[line: string, failure: RegExp]>([
  ['run --seeds 9..3', /^holdfast-sim: flag --seeds runs backwards: 9 comes after 3 \[FLAG_WRONG\]/],
  ['run --seeds 1-5', /is a range such as 1\.\.500, not "1-5"/],
  ['run --seeds 1..99999999999', /is a range such as/],
  ['run --seeds 1..9999999999', /goes beyond 4294967295/],
  ['run --minutes 0', /flag --minutes is a whole number from 1 to 10080, not "0"/],
  ['run --workers many', /flag --workers is a whole number from 1 to 64/],
  ['run --scenario raf', /flag --scenario takes raft, .*all, not "raf".*raft/],
  ['replay', /needs an argument SEED, or --plan FILE/],
  ['replay x', /SEED is a whole number up to 4294967295, not "x"/],
  ['replay 4294967296', /SEED is a whole number up to/],
  ['replay 1 --planted read-unconfirme', /names no bug: "read-unconfirme".*read-unconfirmed/],
  ['replay 1 --plan plan.json', /flag --plan names the seed itself/],
  ['trace 1 --out story.pdf', /flag --out ends with \.txt, \.svg or \.html, and not as "story\.pdf"/],
  ['planted --seeds 0', /flag --seeds is a whole number from 1/],
  ['replai 1', /there is no command "replai".*replay.*'holdfast-sim help'/],
])('%s is refused with one line', async (line, failure) => {
  const text = await failureOf(line.split(' '));
  expect(text).toMatch(failure);
  expect(text).not.toContain('\n');
});

test.each<[name: string, text: string, failure: RegExp]>([
  ['old.json', JSON.stringify({ ...plan, version: 0 }), /it is of version 0, and this simulator reads version 1/],
  ['none.json', JSON.stringify(plan), /it is of version none/],
  ['list.json', '[]', /it holds no object/],
  ['words.json', 'words', /is no plan of this simulator: .*JSON/],
  ['scenario.json', JSON.stringify({ ...plan, version: 1, scenario: 'paxos' }), /its scenario is "paxos"/],
  ['seed.json', JSON.stringify({ ...plan, version: 1, seed: 1.5 }), /its seed is no whole number/],
  ['fault.json', JSON.stringify({ ...plan, version: 1, faults: [{ kind: 'cut' }] }), /a fault of it is not whole/],
  ['operations.json', JSON.stringify({ ...plan, version: 1, operations: {} }), /an operation of it is not whole/],
])('a plan file that cannot be used says why: %s', async (name, text, failure) => {
  const line = await failureOf(['replay', '--plan', file(name, text)]);
  expect(line).toMatch(failure);
  expect(line).toContain('SIM_PLAN_UNUSABLE');
});

test('a plan comes back from its file as it was', () => {
  expect(readPlan(file('plan.json', formatPlan(plan)))).toMatchObject(plan);
  expect(() => readPlan(join(folder, 'absent.json'))).toThrow(/ENOENT/);
});

test('help names this program and every command', async () => {
  const { system, lines } = recordingSystem({ commands: program.commands });
  await runWords(program, ['help'], system);
  for (const { name } of program.commands) expect(lines.join('\n')).toContain(`  ${name}`);
  for (const command of program.commands) expect(await helpPage(command, program)).toContain('usage: holdfast-sim ');
});
