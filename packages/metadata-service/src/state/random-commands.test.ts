// Every command in any order, with few names so that they meet: nothing breaks, whoever is refused has changed nothing (the machine holds
// each refusal to that), every sum is right, and two members that apply the same log in different batches agree.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Entry } from '@holdfast/raft';
import type { Command } from './commands.ts';
import { MetadataMachine } from './machine.ts';
import { stateProblems } from './state-problems.ts';
import { entryOf, inMemory, nodeCommand, poolCommand, volumeCommand } from './state-testing.ts';

const pool = fc.constantFrom('p1', 'p2');
const volume = fc.constantFrom('v1', 'v2', 'v3');
const snapshot = fc.constantFrom('s1', 's2');
const node = fc.constantFrom('a', 'b');
const incarnation = fc.constantFrom(1, 1, 1, 2, 2, 3);
const session = fc
  .record({ generation: fc.constantFrom(1, 1, 1, 1, 2), node, incarnation })
  .map((of) => `${of.generation}.${of.node}.${of.incarnation}`);
const agent = fc.constantFrom(1, 1, 1, 2);
const small = fc.nat(6);
const term = fc.constantFrom(1, 1, 1, 2);
const by = fc.constantFrom(null, 'anna');
const mode = fc.constantFrom('write', 'write', 'write', 'read', 'role');
const key = fc
  .record({ node: fc.integer({ min: 1, max: 2 }), incarnation })
  .map((of) => `000100000${of.node}00000${of.incarnation}`);
const readBack = fc.record({
  device: fc.constantFrom('d1', 'd2'),
  keys: fc.array(key, { maxLength: 2 }),
  isAllRegistrants: fc.boolean(),
  stoppedBy: fc.constantFrom('nothing', 'abort', 'reset', 'drain'),
});
const evidence = fc.record({
  readBacks: fc.array(readBack, { maxLength: 2 }),
  waitedInTerm: fc.constantFrom(null, 1, 1),
});
const secretHash = fc.constantFrom(1, 2, 3).map((secret) => new Uint8Array([secret]));
const entry = fc.record({
  logical: small,
  length: fc.integer({ min: 1, max: 3 }),
  device: fc.constantFrom(1, 2),
  start: fc.nat(20),
  expect: fc.option(fc.record({ device: fc.constantFrom(1, 2), start: fc.nat(20) })),
});
const run = fc.record({ device: fc.constantFrom(1, 2), start: fc.nat(20), length: fc.integer({ min: 1, max: 3 }) });
const discarded = fc.record({
  ...{ logical: small, length: fc.integer({ min: 1, max: 3 }) },
  expect: fc.record({ device: fc.constantFrom(1, 2), start: fc.nat(20) }),
});
const revision = fc.constantFrom(1, 1, 1, 2, 2, 3);
const grant = { session, agent, volume, epoch: fc.constantFrom(1, 1, 1, 2, 2, 3) };
const addresses = { peerAddress: node, apiAddress: node };
const kind = <Kind extends Command['kind']>(of: Kind): fc.Arbitrary<Kind> => fc.constant(of);

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.tuple(volume, pool, fc.boolean()).map(([v, p, isShared]) => volumeCommand(v, { pool: p, extents: 8, isShared })),
  fc
    .tuple(
      node,
      secretHash,
      fc.constantFrom('boot 1', 'boot 2'),
      fc.array(secretHash, { maxLength: 2 }),
      fc.option(session),
    )
    .map(([n, hash, boot, tornDown, after]) => nodeCommand(n, { secretHash: hash, boot, tornDown, after })),
  fc.record({ kind: kind('resumeSession'), session, secretHash }),
  fc.record({ kind: kind('publish'), volume, node, mode }),
  fc.record({ kind: kind('publish'), volume, node, mode: fc.constant('write' as const) }),
  fc.record({ kind: kind('unpublish'), volume, node }),
  fc.record({ kind: kind('stage'), session, agent, volume, leastEpoch: fc.nat(2), mode }),
  fc.record({ kind: kind('release'), ...grant, as: fc.constantFrom('released', 'revoked') }),
  fc.record({ kind: kind('allocate'), ...grant, extents: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: kind('convert'), ...grant, revision: fc.nat(3), entries: fc.array(entry, { maxLength: 2 }) }),
  fc.record({
    ...{ kind: kind('discard'), ...grant, revision: fc.nat(3) },
    entries: fc.array(discarded, { maxLength: 2 }),
  }),
  fc.record({ kind: kind('modifyVolume'), volume, expected: node, mutableAttributes: node }),
  fc.record({
    ...{ kind: kind('setPoolLimits'), pool, by: fc.constant('anna'), atMs: small },
    ...{ oversubscriptionPercent: fc.constantFrom(null, 0, 50, 500), fencesPerHour: fc.constantFrom(null, 3, 9) },
  }),
  fc.record({ kind: kind('returnLeases'), ...grant, runs: fc.array(run, { maxLength: 2 }) }),
  fc.record({
    kind: kind('endSession'),
    session,
    reason: fc.constantFrom('expired', 'fenced', 'powered-off', 'override'),
    term,
    by,
    atMs: fc.nat(9_000_000),
  }),
  fc.record({
    kind: kind('certifySession'),
    session,
    pool,
    as: fc.constantFrom('preempted', 'expired', 'expired', 'rebooted', 'powered-off', 'override'),
    evidence,
    by,
    atMs: small,
  }),
  fc.record({ kind: kind('silenceSession'), session, pool, term }),
  fc.record({ kind: kind('statePoweredOff'), node, by: fc.constant('anna'), isOwnTaint: fc.boolean(), atMs: small }),
  fc.record({ kind: kind('forgetNode'), node, by: fc.constant('anna'), atMs: small }),
  fc.record({ kind: kind('clearTaint'), node }),
  fc.record({ kind: kind('taintNode'), node, isForeignAttached: fc.boolean() }),
  fc.record({
    kind: kind('intend'),
    volume,
    intent: fc.constantFrom('i1', 'i2'),
    what: fc.constantFrom('share', 'unmap'),
    snapshot,
    name: snapshot,
    start: fc.nat(3),
    stop: fc.integer({ min: 3, max: 8 }),
    expected: fc.constantFrom(null, 0, 0, 1, 1, 2, 3),
  }),
  fc.record({ kind: kind('acknowledge'), session, agent, volume, intent: fc.constantFrom('i1', 'i2'), revision }),
  fc.record({ kind: kind('commitIntent'), volume, intent: fc.constantFrom('i1', 'i2'), revision, atMs: small }),
  fc.record({ kind: kind('withdrawIntent'), volume, intent: fc.constantFrom('i1', 'i2'), revision }),
  fc.record({ kind: kind('deleteSnapshot'), snapshot }),
  fc.record({
    ...{
      kind: kind('intendGroup'),
      intent: fc.constantFrom('g1', 'g2'),
      group: fc.constantFrom('group 1', 'group 2'),
      cut: small,
    },
    members: fc.array(fc.record({ volume, snapshot, name: snapshot }), { maxLength: 3 }),
  }),
  fc.record({
    ...{ kind: kind('intendGroup'), intent: fc.constant('g1'), group: fc.constant('group 1'), cut: small },
    members: fc.constant([
      { volume: 'v1', snapshot: 's3', name: 's3' },
      { volume: 'v2', snapshot: 's4', name: 's4' },
    ]),
  }),
  fc.record({ kind: kind('acknowledge'), session, agent, volume, intent: fc.constant('g1'), revision }),
  fc.record({ kind: kind('commitIntent'), volume, intent: fc.constant('g1'), revision, atMs: small }),
  fc.record({ kind: kind('withdrawIntent'), volume, intent: fc.constant('g1'), revision }),
  fc.record({ kind: kind('deleteGroup'), group: fc.constantFrom('group 1', 'group 2') }),
  fc.record({
    kind: kind('cloneVolume'),
    volume,
    name: volume,
    tenant: fc.constant(''),
    snapshot,
    extents: fc.constant(8),
    attributes: fc.constant(''),
  }),
  fc.record({ kind: kind('expandVolume'), volume, extents: fc.integer({ min: 8, max: 10 }) }),
  fc.record({ kind: kind('reclaim'), pool }),
  fc.record({ kind: kind('proveGeneration'), pool, evidence, by, atMs: small }),
  fc.record({ kind: kind('openPool'), pool, term }),
  fc.record({ kind: kind('foundMember'), name: node, ...addresses }),
  fc.record({ kind: kind('inviteMember'), name: node, tokenHash: secretHash, endsMs: small, by: node, atMs: small }),
  fc.record({ kind: kind('admitMember'), name: node, tokenHash: secretHash, ...addresses, atMs: small }),
  fc.record({ kind: kind('forgetMember'), member: incarnation, by: node, atMs: small }),
);
/** What ends much at once: seldom, so that something comes to be. */
const ending: fc.Arbitrary<Command> = fc.oneof(
  { arbitrary: fc.record({ kind: kind('deleteVolume'), volume }), weight: 9 },
  {
    arbitrary: fc.record({ kind: kind('raiseGeneration'), seen: fc.constant(0), by: fc.constant('anna'), atMs: small }),
    weight: 1,
  },
);

const beginning: readonly Command[] = [
  poolCommand('p1'),
  poolCommand('p2', { fencing: 'reservation' }),
  { kind: 'addDevice', pool: 'p1', device: 'd1', extents: 24 },
  { kind: 'addDevice', pool: 'p2', device: 'd2', extents: 24 },
  ...['v1', 'v2'].map((name, at) => volumeCommand(name, { pool: at === 0 ? 'p1' : 'p2', extents: 8 })),
  ...['a', 'b'].map((name, at) => nodeCommand(name, { secretHash: new Uint8Array([at]) })),
];

test('whatever commands come, in whatever order, every sum is right and members agree', () => {
  const commands = fc.array(fc.oneof({ arbitrary: command, weight: 50 }, { arbitrary: ending, weight: 1 }), {
    minLength: 100,
    maxLength: 250,
    size: 'max',
  });
  fc.assert(
    fc.property(commands, fc.integer({ min: 2, max: 40 }), (list, size) => {
      const log = [...beginning, ...list].map((each, at): Entry => entryOf(each, { index: at + 1 }));
      const [one, other] = [MetadataMachine.open(inMemory), MetadataMachine.open(inMemory)];
      for (const each of log) one.apply([each]);
      for (let at = 0; at < log.length; at += size) other.apply(log.slice(at, at + size));
      expect(stateProblems(one.database)).toEqual([]);
      expect(other.hash()).toBe(one.hash());
    }),
    { numRuns: 25 },
  );
});
