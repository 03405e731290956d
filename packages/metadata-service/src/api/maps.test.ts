// Maps through the API: an agent's stream and calls over mutual TLS to a real server, beside a naive model of what every map holds.
import { afterEach, expect } from '@jest/globals';
import { invariant } from '@holdfast/base';
import { SeededRandom } from '@holdfast/base/internal';
import {
  loadMetadataServices,
  loadSessionsServices,
  type Channel,
  type MetadataClient,
  type Pool,
  type sessions,
} from '@holdfast/rpc';
import { groupTest, TestGroup } from '../service-testing.ts';
import type { PlainMap } from '../state/map-model.ts';
import { agentTimeoutMs, connectAgent, registerMessage, untilCalm, type AgentConnection } from './agent-testing.ts';

type Services = Awaited<ReturnType<typeof loadMetadataServices>> & Awaited<ReturnType<typeof loadSessionsServices>>;
const options = { timeoutMs: agentTimeoutMs };
const volumeExtents = 40;
const extentBytes = 1_048_576;
const stepsMax = 160;
const pool: Pool = {
  ...{ name: 'fast', fencing: 'LEASE', tier: 'KERNEL', isBestEffortTakeover: false, drainBoundMs: null },
  ...{ fencesPerHour: 3n, oversubscriptionPercent: 0n, extentBytes: BigInt(extentBytes) },
  ...{ totalExtents: 0n, freeExtents: 0n, leasedExtents: 0n, mappedExtents: 0n, quarantinedExtents: 0n },
  ...{ promisedExtents: 0n, isOpen: false, isOpening: false, devices: [] },
};

let group: TestGroup;
afterEach(async () => group.close());

interface Cut {
  readonly id: string;
  readonly map: PlainMap;
}

/** One volume with its writer, and what it and its snapshots hold. */
class Story {
  readonly client: MetadataClient;
  readonly services: Services;
  readonly agent: AgentConnection;
  readonly agents: Channel;
  readonly grant: { readonly volume: string; readonly epoch: bigint };
  readonly map: PlainMap = new Map();
  readonly leased = new Set<number>();
  readonly cuts: Cut[] = [];
  /** Of whoever hears deltas only. */
  readonly heard: PlainMap = new Map();
  known = 0n;
  revision = 0n;
  #names = 0;

  private constructor(parts: Pick<Story, 'client' | 'services' | 'agent' | 'agents' | 'grant'>) {
    this.client = parts.client;
    this.services = parts.services;
    this.agent = parts.agent;
    this.agents = parts.agents;
    this.grant = parts.grant;
  }

  static async begin(): Promise<Story> {
    group = await TestGroup.create();
    const services = { ...(await loadMetadataServices()), ...(await loadSessionsServices()) };
    const { poolsService: pools, volumesService: volumes, attachmentsService: attachments } = services;
    const client = await group.client('operator');
    await client.change(pools, 'create', { pool }, options);
    await client.change(pools, 'addDevice', { pool: 'fast', device: 'd1', extents: 400n }, options);
    const asked = {
      name: 'v',
      tenant: '',
      pool: 'fast',
      extents: BigInt(volumeExtents),
      isShared: false,
      attributes: '',
    };
    const { volume } = await client.change(volumes, 'create', asked, options);
    const address = group.members[0]?.apiAddress ?? '';
    const agent = await connectAgent(group, 'node-1', address);
    await agent.answerTo(registerMessage());
    const { epoch } = await client.change(attachments, 'publish', { volume, node: 'node-1', mode: 'WRITE' }, options);
    const { cluster } = group.certificates.authority;
    const identity = { cluster, role: 'agent', name: 'agent-node-1', node: 'node-1' } as const;
    const agents = group.certificates.connect(address, await group.certificates.keeperFor('agent', { identity }));
    return new Story({ client, services, agent, agents, grant: { volume, epoch } });
  }

  async step(random: SeededRandom): Promise<void> {
    const write = async () => this.write(random);
    const others = [
      async () => this.discard(random),
      async () => this.giveBack(),
      async () => this.cut(),
      async () => this.hear(),
      async () => this.dropCut(random),
    ];
    const steps = [write, write, write, ...others];
    await steps[random.below(steps.length)]?.();
  }

  /** Leases what it lacks, and maps contiguous extents to places that hold nothing, or one run. */
  async write(random: SeededRandom): Promise<void> {
    const length = 1 + random.below(4);
    const logical = random.below(volumeExtents - length);
    if (this.leased.size < length) {
      const answer = await this.agent.answerTo({ kind: 'allocate', value: { ...this.grant, extents: 6n } });
      invariant(answer.kind === 'leases', 'extents are given');
      for (const run of answer.value.runs) for (const extent of extentsOf(run)) this.leased.add(extent);
    }
    const start = [...this.leased].find((extent) => everyOf(length, (at) => this.leased.has(extent + at)));
    if (start === undefined) return;
    const first = this.map.get(logical);
    const isOne = everyOf(
      length,
      (at) => this.map.get(logical + at) === (first === undefined ? undefined : first + at),
    );
    const expected = first === undefined ? null : { device: 1n, start: BigInt(first) };
    const extents = { device: 1n, start: BigInt(start), length: BigInt(length) };
    const entries = [{ logical: BigInt(logical), extents, expected }];
    const answer = await this.agent.answerTo({
      kind: 'convert',
      value: { ...this.grant, revision: this.revision, entries },
    });
    if (isOne) expect(answer).toEqual({ kind: 'done', value: {} });
    else expect(answer).toMatchObject({ kind: 'refused', value: { code: 'MAP_ENTRY_CHANGED' } });
    for (let at = 0; isOne && at < length; at++) {
      this.map.set(logical + at, start + at);
      this.leased.delete(start + at);
    }
  }

  async discard(random: SeededRandom): Promise<void> {
    const [logical, start] = [...this.map][random.below(Math.max(1, this.map.size))] ?? [0, 0];
    const entries = [{ logical: BigInt(logical), length: 1n, expected: { device: 1n, start: BigInt(start) } }];
    const value = { ...this.grant, revision: this.revision, entries };
    expect(await this.agent.answerTo({ kind: 'discard', value })).toEqual({ kind: 'done', value: {} });
    this.map.delete(logical);
  }

  async giveBack(): Promise<void> {
    const runs = [...this.leased].slice(0, 2).map((start) => ({ device: 1n, start: BigInt(start), length: 1n }));
    const answer = await this.agent.answerTo({ kind: 'returnLeases', value: { ...this.grant, runs } });
    expect(answer).toEqual({ kind: 'done', value: {} });
    for (const { start } of runs) this.leased.delete(Number(start));
    const left = await this.agent.answerTo({ kind: 'listLeases', value: this.grant });
    invariant(left.kind === 'leases', 'leases are listed');
    const listed = left.value.runs.flatMap(extentsOf);
    expect(listed).toEqual([...this.leased].toSorted((one, other) => one - other));
  }

  async cut(): Promise<void> {
    const name = `s${++this.#names}`;
    const { snapshotsService } = this.services;
    const { volume } = this.grant;
    const asked = this.client.ask(snapshotsService, 'create', { name, volume }, options);
    await Promise.all([asked, this.#acknowledge(name)]);
    const { snapshot } = await asked;
    this.cuts.push({ id: snapshot?.id ?? '', map: new Map(this.map) });
  }

  async #acknowledge(intent: string): Promise<void> {
    for (;;) {
      const answer = await this.agent.answerTo({ kind: 'renew', value: {} });
      invariant(answer.kind === 'standing', 'the session stands');
      const asked = answer.value.intents.find((each) => each.intent === intent);
      if (asked === undefined) continue;
      this.revision = asked.revision;
      const { volume } = this.grant;
      await this.agent.answerTo({ kind: 'acknowledge', value: { volume, intent, revision: asked.revision } });
      return;
    }
  }

  async dropCut(random: SeededRandom): Promise<void> {
    const at = random.below(4);
    const [dropped] = this.cuts.splice(at, 1);
    if (dropped === undefined) return;
    await this.client.change(this.services.snapshotsService, 'delete', { snapshot: dropped.id }, options);
  }

  async hear(): Promise<void> {
    const answer = await this.agent.answerTo({ kind: 'followMap', value: { ...this.grant, after: this.known } });
    invariant(answer.kind === 'mapDelta', 'a delta answers');
    const { places, segments, revision, isLost, head } = answer.value;
    expect([isLost, head?.extents, head?.intent]).toEqual([false, BigInt(volumeExtents), '']);
    for (const { start, length } of places) {
      for (let at = 0n; at < length; at++) this.heard.delete(Number(start + at));
    }
    put(this.heard, segments);
    this.known = revision;
    expect(sorted(this.heard)).toEqual(sorted(this.map));
  }

  /** Page by page, as its own agent. */
  async read(of: NonNullable<sessions.ReadMapRequest['of']>): Promise<PlainMap> {
    const map: PlainMap = new Map();
    const client = of.kind === 'volume' ? this.agents.calls(this.services.mapsService) : null;
    let first = 0n;
    for (let from: bigint | null = 0n; from !== null;) {
      const asked: sessions.ReadMapRequest = { of, from, pageSize: 3n, revision: first, isLocal: false };
      const page: sessions.ReadMapResponse =
        client === null
          ? await this.client.ask(this.services.mapsService, 'read', asked, options)
          : await client.read(asked, options);
      expect(page.segments.length).toBeLessThanOrEqual(3);
      first ||= page.revision;
      put(map, page.segments);
      from = page.next;
    }
    return map;
  }

  async compare(base: Cut | null, target: NonNullable<sessions.CompareMapsRequest['target']>): Promise<number[]> {
    const places: number[] = [];
    for (let startingOffset: bigint | null = 0n; startingOffset !== null;) {
      const asked: sessions.CompareMapsRequest = {
        ...{ baseSnapshot: base?.id ?? '', target, startingOffset, maxResults: 2n, isLocal: false },
      };
      const answer: sessions.CompareMapsResponse = await this.client.ask(
        this.services.mapsService,
        'compare',
        asked,
        options,
      );
      expect(answer.volumeCapacityBytes).toBe(BigInt(volumeExtents * extentBytes));
      for (const { byteOffset, sizeBytes } of answer.ranges) {
        const start = Number(byteOffset) / extentBytes;
        places.push(...Array.from({ length: Number(sizeBytes) / extentBytes }, (_, at) => start + at));
      }
      startingOffset = answer.nextOffset;
    }
    return places;
  }

  async check(): Promise<void> {
    const { volume } = this.grant;
    expect(sorted(await this.read({ kind: 'volume', value: volume }))).toEqual(sorted(this.map));
    let before: Cut | null = null;
    for (const cut of this.cuts) {
      expect(sorted(await this.read({ kind: 'snapshot', value: cut.id }))).toEqual(sorted(cut.map));
      const changed = await this.compare(before, { kind: 'snapshot', value: cut.id });
      expect(changed).toEqual(differing(before?.map ?? new Map<number, number>(), cut.map));
      before = cut;
    }
    const changed = await this.compare(before, { kind: 'volume', value: volume });
    expect(changed).toEqual(differing(before?.map ?? new Map<number, number>(), this.map));
    const { poolsService } = this.services;
    const { pool: found } = await this.client.ask(poolsService, 'get', { name: 'fast', isLocal: false }, options);
    expect(Number(found?.leasedExtents)).toBe(this.leased.size);
  }
}

function extentsOf({ start, length }: sessions.Extents): number[] {
  return Array.from({ length: Number(length) }, (_, at) => Number(start) + at);
}

function put(map: PlainMap, segments: readonly sessions.Segment[]): void {
  for (const { logical, extents } of segments) {
    invariant(extents !== null, 'a segment lies somewhere');
    for (const [at, extent] of extentsOf(extents).entries()) map.set(Number(logical) + at, extent);
  }
}

function differing(before: PlainMap, after: PlainMap): number[] {
  return Array.from({ length: volumeExtents }, (_, at) => at).filter((at) => before.get(at) !== after.get(at));
}

function sorted(map: PlainMap): [number, number][] {
  return [...map].toSorted(([one], [other]) => one - other);
}

function everyOf(count: number, holds: (at: number) => boolean): boolean {
  return Array.from({ length: count }, (_, at) => at).every(holds);
}

async function live(seed: string): Promise<void> {
  const random = new SeededRandom(seed);
  const story = await Story.begin();
  for (let at = 1; at <= stepsMax; at++) {
    await story.step(random);
    if (at % 40 === 0) await story.check();
  }
}

groupTest(
  'whatever an engine writes, discards and gives back, and whenever it is cut: maps, deltas and differences are those of a naive model',
  async () => {
    await untilCalm(
      async () => live('maps'),
      async () => group.close(),
    );
  },
);

async function tellRefusals(): Promise<void> {
  const story = await Story.begin();
  const { client, services, agents, grant } = story;
  const { mapsService: maps, attachmentsService: attachments } = services;
  await story.write(new SeededRandom('one'));
  await story.cut();
  await story.write(new SeededRandom('two'));
  await story.cut();
  const [older, newer] = story.cuts;
  invariant(older !== undefined && newer !== undefined, 'two cuts were made');
  const ofVolume = { kind: 'volume', value: grant.volume } as const;
  const read = { of: ofVolume, from: 0n, pageSize: 0n, revision: 0n, isLocal: false };
  const compare = { baseSnapshot: '', target: ofVolume, startingOffset: 0n, maxResults: 0n, isLocal: false };
  const byAgent = agents.calls(maps);
  const ask = async (request: Partial<sessions.ReadMapRequest>) =>
    client.ask(maps, 'read', { ...read, ...request }, options);
  const difference = async (request: Partial<sessions.CompareMapsRequest>) =>
    client.ask(maps, 'compare', { ...compare, ...request }, options);
  const attachment = { volume: grant.volume, node: 'node-1' };
  const cases: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['FIELD_MISSING', async () => ask({ of: null })],
    ['FIELD_MISSING', async () => ask({ of: { kind: 'volume', value: '' } })],
    ['VOLUME_NOT_FOUND', async () => ask({ of: { kind: 'volume', value: 'none' } })],
    ['SNAPSHOT_NOT_FOUND', async () => ask({ of: { kind: 'snapshot', value: 'none' } })],
    ['PAGE_TOO_LARGE', async () => ask({ pageSize: 4_097n })],
    ['FIELD_OUT_OF_RANGE', async () => ask({ from: 2n ** 60n })],
    ['MAP_CHANGED', async () => ask({ revision: 1n })],
    ['MAP_NOT_GRANTED', async () => byAgent.read({ ...read, of: { kind: 'snapshot', value: older.id } }, options)],
    ['MAP_NOT_GRANTED', async () => byAgent.read({ ...read, of: { kind: 'volume', value: 'none' } }, options)],
    ['CALLER_NOT_ALLOWED', async () => byAgent.compare(compare, options)],
    ['FIELD_MISSING', async () => difference({ target: null })],
    ['SNAPSHOT_NOT_FOUND', async () => difference({ baseSnapshot: 'none' })],
    ['FIELD_OUT_OF_RANGE', async () => difference({ startingOffset: BigInt((volumeExtents + 1) * extentBytes) })],
    [
      'SNAPSHOT_UNRELATED',
      async () => difference({ baseSnapshot: newer.id, target: { kind: 'snapshot', value: older.id } }),
    ],
    ['FIELD_MISSING', async () => client.change(attachments, 'publish', { ...attachment, mode: 'UNKNOWN' }, options)],
    [
      'NODE_NOT_FOUND',
      async () => client.change(attachments, 'publish', { ...attachment, node: 'x', mode: 'WRITE' }, options),
    ],
    ['VOLUME_MODE_WRONG', async () => client.change(attachments, 'publish', { ...attachment, mode: 'ROLE' }, options)],
  ];
  for (const [code, call] of cases) await expect(call()).rejects.toMatchObject({ code });
  const waiting = await client.change(attachments, 'unpublish', attachment, options);
  expect(waiting).toEqual({ isDone: false, waitsFor: ['1.node-1.1'] });
  await story.agent.answerTo({ kind: 'release', value: { ...grant, isClean: true } });
  expect(await client.change(attachments, 'unpublish', attachment, options)).toEqual({ isDone: true, waitsFor: [] });
  await expect(byAgent.read(read, options)).rejects.toMatchObject({ code: 'MAP_NOT_GRANTED' });
}

groupTest('what is wrong with a question about maps is said by a row of the table', async () => {
  await untilCalm(tellRefusals, async () => group.close());
});
