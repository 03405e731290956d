import { expect, test } from '@jest/globals';
import { commandsUnderWayMax } from '@holdfast/rpc/internal';
import fc from 'fast-check';
import { decodeAnswer } from './command-codec.ts';
import { query } from './query.ts';
import { stateLimits } from './state-limits.ts';
import { stateProblems } from './state-problems.ts';
import { MetadataMachine } from './machine.ts';
import {
  entryOf,
  inMemory,
  nodeCommand,
  poolCommand,
  readAll,
  sourceOf,
  Story,
  volumeCommand,
} from './state-testing.ts';

const countAnswers = query<{ readonly count: number }>('SELECT COUNT(*) AS count FROM answers');
const refusedWith = (code: string): unknown => expect.objectContaining({ code });

function storyWithClient(): { readonly story: Story; readonly session: number } {
  const story = new Story();
  story.do(poolCommand('pool'));
  const { client } = story.do<'openClient'>({ kind: 'openClient', atMs: 1_000 });
  return { story, session: client };
}

test('a client has as many commands under way as answers of it are kept', () => {
  expect(commandsUnderWayMax).toBe(stateLimits.commandsPerClient);
});

test('a command that comes again takes effect once and gets the first answer, in whatever order and however often it comes', () => {
  const arrival = fc.record({ sequence: fc.integer({ min: 1, max: 12 }), throughImage: fc.boolean() });
  fc.assert(
    fc.property(fc.array(arrival, { maxLength: 40 }), (arrivals) => {
      const { story, session } = storyWithClient();
      const first = new Map<number, string>();
      for (const { sequence } of arrivals) {
        // Odd ones are refused each time that they are run: the pool has no device and no volume of this name is there.
        const command =
          sequence % 2 === 0 ? volumeCommand(`v${sequence}`) : volumeCommand(`v${sequence}`, { pool: 'none' });
        const answer = Buffer.from(story.answerTo(command, { session, sequence })).toString('hex');
        expect(answer).toBe(first.get(sequence) ?? answer);
        first.set(sequence, answer);
      }
      const created = [...first.keys()].filter((sequence) => sequence % 2 === 0).length;
      expect(story.machine.dump().match(/^volumes: /gm) ?? []).toHaveLength(created);
      expect(stateProblems(story.machine.database)).toEqual([]);
    }),
    { numRuns: 30 },
  );
});

test('clients that use the same numbers are each given their own first answers', () => {
  const { story, session } = storyWithClient();
  const { client: other } = story.do<'openClient'>({ kind: 'openClient', atMs: 1_000 });
  const commands = [session, other].map((each) => ({
    proposal: { session: each, sequence: 1 },
    command: volumeCommand(`of ${each}`),
  }));
  const apply = (): string[] => {
    const first = story.machine.applied + 1;
    const entries = commands.map(({ proposal, command }, at) => entryOf(command, { index: first + at, proposal }));
    return story.machine.apply(entries).map((answer) => Buffer.from(answer ?? []).toString('hex'));
  };
  const answers = apply();
  expect(new Set(answers).size).toBe(2);
  expect(story.machine.database.get(countAnswers)?.count).toBe(2);
  expect([apply(), apply()]).toEqual([answers, answers]);
});

test('the first answer is still there behind an image, and although the state has changed since', async () => {
  const { story, session } = storyWithClient();
  const create = volumeCommand('v');
  const id = { session, sequence: 1 };
  const answer = story.answerTo(create, id);
  story.do({ kind: 'deleteVolume', volume: 'v' });
  const machine = MetadataMachine.open(inMemory);
  await machine.install(sourceOf(readAll(story.machine.snapshot())));
  const [again] = machine.apply([entryOf(create, { index: machine.applied + 1, proposal: id })]);
  expect(again).toEqual(answer);
  expect(machine.dump()).not.toContain('volumes: "v"');
});

test('a client that is not known is refused, and one that asks for what is forgotten', () => {
  const { story, session } = storyWithClient();
  const { commandsPerClient: limit } = stateLimits;
  const tell = (sequence: number, of = session): object =>
    decodeAnswer('createVolume', story.answerTo(volumeCommand(`v${sequence}`), { session: of, sequence }));
  expect(() => tell(1, session + 1)).toThrow(refusedWith('CLIENT_UNKNOWN'));
  expect(tell(limit)).toEqual({ volume: `v${limit}` });
  expect(tell(2 * limit - 1)).toEqual({ volume: `v${2 * limit - 1}` });
  expect(() => tell(limit)).not.toThrow();
  expect(() => tell(limit - 1)).toThrow(refusedWith('CLIENT_SEQUENCE_REFUSED'));
  expect(() => tell(1)).toThrow(refusedWith('CLIENT_SEQUENCE_REFUSED'));
});

test('a command that its client gave up changes nothing once the next one was applied, although a server hands it on', () => {
  const { story, session } = storyWithClient();
  story.do(volumeCommand('v'));
  story.do(nodeCommand('a'));
  const { commandsPerClient: limit } = stateLimits;
  const publish = { kind: 'publish', volume: 'v', node: 'a', mode: 'write' } as const;
  const unpublish = { kind: 'unpublish', volume: 'v', node: 'a' } as const;
  // The publish was given up; by the client's rule its next number is so much greater.
  expect(story.do<'unpublish'>(unpublish, { session, sequence: 1 + limit })).toEqual({ isDone: true, waitsFor: [] });
  const before = story.machine.dump();
  expect(() => story.do<'publish'>(publish, { session, sequence: 1 })).toThrow(refusedWith('CLIENT_SEQUENCE_REFUSED'));
  const contents = (dump: string): string => dump.replace(/^cluster: .*$/m, '');
  expect(contents(story.machine.dump())).toBe(contents(before));
});

test('what is under way beside a command that was given up takes effect', () => {
  const { story, session } = storyWithClient();
  const { commandsPerClient: limit } = stateLimits;
  expect(story.do(volumeCommand('later'), { session, sequence: 1 + limit })).toEqual({ volume: 'later' });
  expect(story.do(volumeCommand('beside'), { session, sequence: 2 })).toEqual({ volume: 'beside' });
});

test('a session that its own command forgets is unknown to the next one, here and behind an image', async () => {
  const { story, session } = storyWithClient();
  const forget = { kind: 'forgetClients', openedBeforeMs: 1_001 } as const;
  expect(story.do<'forgetClients'>(forget, { session, sequence: 1 })).toEqual({ count: 1 });
  const machine = MetadataMachine.open(inMemory);
  await machine.install(sourceOf(readAll(story.machine.snapshot())));
  const id = { session, sequence: 2 };
  expect(() => story.do(volumeCommand('v'), id)).toThrow(refusedWith('CLIENT_UNKNOWN'));
  machine.apply(story.log.slice(-1));
  expect(machine.hash()).toBe(story.machine.hash());
  expect(machine.database.get(countAnswers)?.count).toBe(0);
});

test('as many answers are kept as a client may have under way, and none of a client that was forgotten', () => {
  const { story, session } = storyWithClient();
  const { commandsPerClient: limit } = stateLimits;
  for (let sequence = 1; sequence <= 2 * limit; sequence++) {
    story.answerTo({ kind: 'expandVolume', volume: 'none', extents: 1 }, { session, sequence });
  }
  const kept = (): number => story.machine.database.get(countAnswers)?.count ?? -1;
  expect(kept()).toBe(limit);
  expect(story.do<'forgetClients'>({ kind: 'forgetClients', openedBeforeMs: 1_000 })).toEqual({ count: 0 });
  expect(story.do<'forgetClients'>({ kind: 'forgetClients', openedBeforeMs: 1_001 })).toEqual({ count: 1 });
  expect(kept()).toBe(0);
  expect(stateProblems(story.machine.database)).toEqual([]);
});
