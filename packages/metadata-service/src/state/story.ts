// Golden stories: commands as a person would say them, and under each what the state machine told its proposer. `node story.ts
// --rewrite` tells them anew; a difference is then read in the diff like any change.
//
//   verb key=value …    a command with its fields; what is not said has a default that any story can have
//   term 2              the entries from here on are of this term
//   show pools          rows of a table
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isOpError } from '@holdfast/base';
import { decodeAnswer } from './command-codec.ts';
import { commands, type Command, type CommandKind, type Evidence } from './commands.ts';
import { query } from './query.ts';
import { stateProblems } from './state-problems.ts';
import { nodeCommand, poolCommand, Story, volumeCommand } from './state-testing.ts';

const directory = join(import.meta.dirname, 'stories');
const suffix = '.txt';
const revisionOf = query<{ readonly revision: number }>('SELECT revision FROM volumes WHERE id = ?');
const lastSession = query<{ readonly session: string }>('SELECT session FROM nodes WHERE name = ?');

type Fields = Record<string, unknown>;

export function storyNames(): string[] {
  return readdirSync(directory).map((name) => name.slice(0, -suffix.length));
}
export function readStory(name: string): string {
  return readFileSync(join(directory, `${name}${suffix}`), 'utf8');
}

/** The story with what happens in it, whatever it said before. */
export function tellStory(text: string): string {
  const story = new Story();
  const told: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('  ')) continue;
    told.push(line);
    if (line === '' || line.startsWith('#')) continue;
    told.push(...happens(story, line).map((each) => `  ${each}`));
  }
  const problems = stateProblems(story.machine.database).map((problem) => `  PROBLEM ${problem}`);
  return [...told, ...problems].join('\n');
}

function happens(story: Story, line: string): string[] {
  const [verb = '', ...words] = line.split(' ');
  if (verb === 'term') {
    story.term = Number(words[0]);
    return [];
  }
  if (verb === 'show') return rowsOf(story, words[0] ?? '');
  if (verb !== 'pool' && !Object.hasOwn(commands, verb)) throw new Error(`no such verb: ${line}`);
  const fields = Object.fromEntries(words.map(fieldOf));
  if (verb !== 'pool') return [answerOf(story, commandOf(story, verb as CommandKind, fields))];
  const pool = poolCommand('pool', fields);
  return [answerOf(story, pool), answerOf(story, { kind: 'addDevice', pool: 'pool', device: 'disk', extents: 100 })];
}

function fieldOf(word: string): [string, unknown] {
  const [name = '', ...rest] = word.split('=');
  const value = rest.join('=');
  try {
    return [name, JSON.parse(value)];
  } catch (error) {
    if (error instanceof SyntaxError) return [name, value];
    throw error;
  }
}

function commandOf(story: Story, kind: CommandKind, words: Fields): Command {
  const { secret, waited, readBacks, tornDown, ...fields } = words;
  const { term } = story;
  const evidence = { readBacks: readBacks ?? [], waitedInTerm: waited ?? null } as Evidence;
  const secretHash = hashOf(secret);
  if (Array.isArray(tornDown)) fields['tornDown'] = tornDown.map(hashOf);
  const rest = { snapshot: null, name: null, start: 0, stop: 0, owner: 'test', mode: 'write', leastEpoch: 0, cut: 1 };
  const common = { agent: 1, by: null, atMs: 0, term, evidence, revision: 0, ...rest };
  const given = { ...common, ...defaultsOf(story, kind, fields), secretHash, ...fields, kind };
  return given as unknown as Command;
}

function hashOf(secret: unknown): Uint8Array {
  return new TextEncoder().encode(`hash of ${String(secret)}`);
}

/** What is said of an intent is said of the one that the volume has. */
const ofIntents: ReadonlySet<CommandKind> = new Set(['acknowledge', 'commitIntent', 'withdrawIntent']);

/** A registration follows the node's last session, and an intent is asked for at the present, unless the story says otherwise. */
function defaultsOf(story: Story, kind: CommandKind, { node, volume }: Fields): Fields {
  if (kind === 'registerNode') {
    const last = story.machine.database.get(lastSession, String(node))?.session ?? null;
    return nodeCommand(String(node), { after: last });
  }
  const present = story.machine.database.get(revisionOf, String(volume))?.revision ?? 0;
  if (kind === 'intend') return { expected: present };
  if (ofIntents.has(kind)) return { revision: present };
  if (kind === 'createVolume' || kind === 'cloneVolume') return volumeCommand(String(volume));
  return kind === 'reclaim' || kind === 'certifySession' ? { pool: 'pool' } : {};
}

function answerOf(story: Story, command: Command): string {
  try {
    const answer = decodeAnswer(command.kind, story.answerTo(command));
    const told = Object.entries(answer).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    return told.length === 0 ? 'done' : told.join(' ');
  } catch (error) {
    if (!isOpError(error)) throw error;
    return `${error.message} [${error.code}]`;
  }
}

function rowsOf(story: Story, table: string): string[] {
  const rows = story.machine
    .dump()
    .split('\n')
    .filter((row) => row.startsWith(`${table}: `));
  return rows.length === 0 ? [`${table}: none`] : rows;
}

if (process.argv[1] === import.meta.filename && process.argv[2] === '--rewrite') {
  for (const name of storyNames()) writeFileSync(join(directory, `${name}${suffix}`), tellStory(readStory(name)));
}
