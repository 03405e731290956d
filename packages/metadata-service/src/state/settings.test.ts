import { expect, test } from '@jest/globals';
import { decodeAnswer } from './command-codec.ts';
import type { CommandOf } from './commands.ts';
import { query } from './query.ts';
import { schemaSteps } from './schema.ts';
import { stateLimits } from './state-limits.ts';
import { entryOf, inMemory, Story, versionEntry } from './state-testing.ts';

const valueOf = query<{ readonly value: string }>('SELECT value FROM settings WHERE name = ?');
const countSettings = query<{ readonly count: number }>('SELECT COUNT(*) AS count FROM settings');

const set = (name: string, value: string): CommandOf<'setSetting'> => ({
  ...{ kind: 'setSetting', name, value },
  ...{ by: 'ada', atMs: 1 },
});

/** In one batch; what each is told. */
function apply({ machine }: Story, commands: readonly CommandOf<'setSetting'>[]): (Uint8Array | null)[] {
  const first = machine.applied + 1;
  return machine.apply(commands.map((command, at) => entryOf(command, { index: first + at })));
}

test('of those that a batch sets twice the last counts, and both are told of', () => {
  const story = new Story();
  apply(story, [set('colour', 'blue'), set('shape', 'round'), set('colour', 'red')]);
  apply(story, [set('shape', 'square')]);
  const { database } = story.machine;
  expect(['colour', 'shape'].map((name) => database.get(valueOf, name)?.value)).toEqual(['red', 'square']);
  const dump = story.machine.dump();
  expect(dump.match(/^audit: .*"set colour"$/gm)).toHaveLength(2);
  expect(dump.match(/^changes: .*"setting" "colour"/gm)).toHaveLength(2);
});

test('there are only so many, counting those of the same batch; those that are there can be set all the same', () => {
  const story = new Story();
  const names = Array.from({ length: stateLimits.settings }, (_, at) => `s${at}`);
  apply(
    story,
    names.slice(1).map((name) => set(name, 'x')),
  );
  const answers = apply(story, [set('s0', 'x'), set('other', 'x'), set('s0', 'y')]);
  const told = (answer: Uint8Array | null): unknown => decodeAnswer('setSetting', answer ?? new Uint8Array());
  expect(told(answers[0] ?? null)).toEqual({});
  expect(() => told(answers[1] ?? null)).toThrow(expect.objectContaining({ code: 'STATE_LIMIT_REACHED' }));
  expect(story.machine.database.get(valueOf, 's0')?.value).toBe('y');
  expect(story.machine.database.get(countSettings)?.count).toBe(stateLimits.settings);
});

test('a batch that is taken back leaves what was there before, also to who counts', () => {
  const story = new Story();
  apply(story, [set('colour', 'blue')]);
  const first = story.machine.applied + 1;
  const batch = [entryOf(set('colour', 'red'), { index: first }), entryOf(set('shape', 'round'), { index: first + 2 })];
  expect(() => story.machine.apply(batch)).toThrow('follows');
  expect(story.machine.database.get(valueOf, 'colour')?.value).toBe('blue');
  apply(story, [set('shape', 'square')]);
  const { database } = story.machine;
  expect(['colour', 'shape'].map((name) => database.get(valueOf, name)?.value)).toEqual(['blue', 'square']);
});

test('a step of the schema reads what its own batch has set, so that members whose batches end elsewhere agree', () => {
  const sql = 'CREATE TABLE copied (name TEXT PRIMARY KEY) STRICT; INSERT INTO copied SELECT name FROM settings';
  const version = 1 + Math.max(...schemaSteps.map((step) => step.version));
  const schema = [...schemaSteps, { version, brings: ['a copy of the settings'], sql }];
  const count = query<{ readonly count: number }>('SELECT COUNT(*) AS count FROM copied');
  const entries = [entryOf(set('colour', 'red'), { index: 1 }), versionEntry(version, 2)];
  for (const batches of [[entries], entries.map((entry) => [entry])]) {
    const { machine } = new Story({ ...inMemory, schema });
    for (const batch of batches) machine.apply(batch);
    expect(machine.database.get(count)?.count).toBe(1);
  }
});
