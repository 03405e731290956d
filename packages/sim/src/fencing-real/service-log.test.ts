import { expect, test } from '@jest/globals';
import { RealFiles, toLogIndex, toTerm } from '@holdfast/base';
import { encodeCommand, MetadataMachine, type Command, type CommandOf } from '@holdfast/metadata-service';
import type { Entry, ProposalId } from '@holdfast/raft';
import type { Applied } from '../fencing/metadata/machine.ts';
import type { MetadataState } from '../fencing/metadata/state.ts';
import { KeyBook } from './key-book.ts';
import { Layouts } from './pool-layout.ts';
import { ServiceLog } from './service-log.ts';

const layouts = new Layouts([{ name: 'p1', devices: 2, extents: 8 }]);
const pool: CommandOf<'createPool'> = {
  ...{ kind: 'createPool', pool: 'p1', fencing: 'lease', tier: 'kernel', isBestEffortTakeover: false },
  ...{ drainBoundMs: null, fencesPerHour: 3, oversubscriptionPercent: 0, extentBytes: 1024 },
};
const founding: readonly Command[] = [
  pool,
  { kind: 'addDevice', pool: 'p1', device: 'p1d1', extents: 4 },
  { kind: 'addDevice', pool: 'p1', device: 'p1d2', extents: 4 },
  {
    ...{ kind: 'createVolume', volume: 'v', name: 'v', tenant: 't', pool: 'p1', extents: 4 },
    ...{ isShared: false, attributes: '' },
  },
  {
    ...{ kind: 'registerNode', node: 'n', machine: 'n', boot: 'b', secretHash: new Uint8Array([1]) },
    ...{ ttlMs: 1_000, drainBoundMs: 1_000, tornDown: [], after: null },
  },
  { kind: 'publish', volume: 'v', node: 'n', mode: 'write' },
];

class Scene {
  readonly findings: string[] = [];
  readonly judged: Applied[] = [];
  state: MetadataState | null = null;
  readonly #log: ServiceLog;
  readonly #members = new Map<string, MetadataMachine>();

  constructor() {
    this.#log = new ServiceLog({
      ...{ layouts, keys: new KeyBook() },
      observer: {
        applied: (_member, applied, _digest, after) => {
          this.judged.push(applied);
          this.state = after ?? null;
        },
        became: (_index, state) => (this.state = state),
        tookEffect: () => undefined,
      },
      world: { report: (rule) => void this.findings.push(rule), note: () => undefined },
    });
  }

  #machine(member: string): MetadataMachine {
    const known = this.#members.get(member) ?? MetadataMachine.open({ path: null, files: new RealFiles() });
    this.#members.set(member, known);
    return known;
  }

  /** The next entry of this member's log; `told` is what the judges hear that it was answered with. */
  apply(
    member: string,
    command: Command,
    { proposal = null, told }: { proposal?: ProposalId | null; told?: Uint8Array } = {},
  ): void {
    const machine = this.#machine(member);
    const entry: Entry = {
      ...{ index: toLogIndex(machine.applied + 1), term: toTerm(1), kind: 'command', proposal },
      data: encodeCommand(command),
    };
    const [answer = null] = machine.apply([entry]);
    this.#log.applied(member, machine, [entry], [told ?? answer]);
  }

  found(member: string): void {
    for (const command of founding) this.apply(member, command);
  }
  /** A sum is wrong by one, as a forgotten statement would leave it. */
  break(member: string): void {
    this.#machine(member).database.define('UPDATE pools SET free = free - 1');
  }
  conclude(member: string): void {
    this.#log.conclude(this.#machine(member));
  }
}

test('an entry is judged where it is applied first, in the words of the model, with the state behind it', () => {
  const scene = new Scene();
  scene.found('m1');
  scene.found('m2');
  scene.conclude('m2');
  expect(scene.findings).toEqual([]);
  expect(scene.judged.map(({ command }) => command.kind)).toEqual(['register', 'publish']);
  expect(scene.judged[1]?.answer).toMatchObject({ refusal: null, epoch: 1, session: '1.n.1' });
  expect(scene.state?.volumes['v']?.grants).toEqual([{ epoch: 1, node: 'n', session: '1.n.1', mode: 'write' }]);
  expect(scene.state?.pools['p1']?.extentCount).toBe(8);
});

test('extents have one number in the model and one place in the service', () => {
  for (let extent = 0; extent < 8; extent++) expect(layouts.extentOf(layouts.placeOf('p1', extent))).toBe(extent);
});

test('two members that have answered otherwise at one index are noticed', () => {
  const scene = new Scene();
  scene.apply('m1', pool);
  scene.apply('m2', { ...founding[1], pool: 'p1' } as Command);
  expect(scene.findings).toEqual(['equal-state']);
});

test('a command that is answered otherwise when it comes again is noticed', () => {
  const scene = new Scene();
  const proposal = { session: 1, sequence: 1 };
  scene.apply('m1', { kind: 'openClient', atMs: 0 });
  for (const command of founding.slice(0, 5)) scene.apply('m1', command);
  const publish = { kind: 'publish', volume: 'v', node: 'n', mode: 'write' } as const;
  scene.apply('m1', publish, { proposal });
  scene.apply('m1', publish, { proposal });
  expect(scene.findings).toEqual([]);
  scene.apply('m1', publish, { proposal, told: new Uint8Array([1, 2]) });
  expect(scene.findings).toEqual(['exactly-once']);
});

test('sums that do not add up are noticed at the end', () => {
  const scene = new Scene();
  scene.found('m1');
  scene.break('m1');
  scene.conclude('m1');
  expect(scene.findings).toEqual(['accounting']);
});
