// An engine of the model: what stands between a pod's requests and the devices (5-data-path.md). It resolves extents, copies up,
// keeps the list of what is written and not converted, and says of a revision that nothing admitted below it is in flight. Each
// extent serves one request at a time, which is what "the first write is alone in it" asks for, and more.
import { invariant, type Clock } from '@holdfast/base';
import { extentBlocks, type Block, type Tag } from '../block.ts';
import type { Device, DeviceAnswer } from '../device.ts';
import type { IntentState } from '../metadata/state.ts';
import type { EnginePort, IoResult, Observer, OpenRequest } from '../ports.ts';
import { Flusher, type QuorumDoor } from './flusher.ts';
import type { Gate, Passed, Submission } from './gate.ts';
import type { LocalProcess } from './local-process.ts';
import { OpenVolume, type IoRequest, type RingSlot } from './open-volume.ts';
import type { SharedMemory } from './shared-memory.ts';

export interface EngineParts {
  readonly clock: Clock;
  readonly process: LocalProcess;
  readonly gate: Gate;
  readonly shared: SharedMemory;
  /** By pool, in the order in which extents are spread over them. */
  readonly devicesOf: (pool: string) => readonly Device[];
  readonly quorum: QuorumDoor;
  readonly observer: Observer;
}

type Outcome = IoResult | 'again';
const tornDown: IoResult = { error: 'torn-down' };
const sparesAhead = 4;
/** For so long writes fail at once when there was no room for one. */
const fullMs = 500;

export class Engine implements EnginePort {
  readonly #parts: EngineParts;
  readonly #flusher: Flusher;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#flusher = new Flusher(parts);
    void this.#takeOver([...parts.shared.volumes.values()]);
  }

  /** What the old engine had not answered is carried out anew, by the current map. */
  async #takeOver(volumes: readonly OpenVolume[]): Promise<void> {
    const left = volumes.map((volume) => ({ volume, slots: [...volume.ring] }));
    for (const volume of volumes) {
      volume.busy.clear();
      volume.draining.clear();
    }
    await this.#parts.gate.inherit(volumes);
    for (const { volume, slots } of left) {
      this.#flusher.endHold(volume);
      for (const slot of slots) void this.#serve(volume, slot);
    }
  }

  request(volume: OpenVolume, request: IoRequest, answer: (result: IoResult) => void): void {
    const slot: RingSlot = { request, answer };
    volume.ring.add(slot);
    this.#parts.process.run(() => void this.#serve(volume, slot));
  }

  async #serve(volume: OpenVolume, slot: RingSlot): Promise<void> {
    const result = await this.#carryOut(volume, slot.request);
    volume.ring.delete(slot);
    slot.answer(result);
    volume.wake();
  }

  async #carryOut(volume: OpenVolume, request: IoRequest): Promise<IoResult> {
    if (request.kind === 'flush') return this.#flusher.flush(volume);
    const at = Math.floor(request.block / extentBlocks);
    return this.#alone(volume, at, async () => {
      let outcome: Outcome = 'again';
      while (outcome === 'again') {
        while (this.#isHeld(volume, request, at)) await this.#parts.process.take(volume.changed());
        if (volume.isShut) outcome = tornDown;
        else if (at >= volume.extents) outcome = { error: 'io' };
        else
          outcome =
            request.kind === 'read' ? await this.#read(volume, request.block) : await this.#write(volume, request);
      }
      return outcome;
    });
  }

  #isHeld(volume: OpenVolume, { kind }: IoRequest, at: number): boolean {
    if (volume.isShut) return false;
    return volume.isHeldAt(at) || (kind === 'write' && this.#parts.clock.boottimeMs() < volume.writesHeldUntilMs);
  }

  /** One at a time for each extent. */
  async #alone<Value>(volume: OpenVolume, at: number, work: () => Promise<Value>): Promise<Value> {
    await this.#lock(volume, at);
    const value = await work();
    this.#unlock(volume, at);
    return value;
  }

  async #lock(volume: OpenVolume, at: number): Promise<void> {
    const queue = volume.busy.get(at);
    if (queue === undefined) volume.busy.set(at, []);
    else await new Promise<void>((resolve) => void queue.push(() => this.#parts.process.run(resolve)));
  }

  #unlock(volume: OpenVolume, at: number): void {
    const next = volume.busy.get(at)?.shift();
    if (next === undefined) volume.busy.delete(at);
    else next();
  }

  async #read(volume: OpenVolume, block: number): Promise<Outcome> {
    const at = Math.floor(block / extentBlocks);
    const extent = volume.pending.get(at)?.extent ?? volume.map.get(at)?.extent ?? null;
    const submissions = extent === null ? [] : [this.#readOf(volume, extent, block)];
    const passed = await this.#parts.gate.pass(volume, volume.revision, submissions);
    if (passed.verdict !== 'done') return passed.verdict === 'stale' ? 'again' : tornDown;
    passed.finish();
    const [answer] = passed.answers;
    if (answer === undefined) return { error: null, data: null };
    if (answer.error !== null) return afterError(answer.error);
    // The device may have told another request that it lost its power, and this one what is left.
    if (volume.isShut) return tornDown;
    const data = answer.block?.data ?? null;
    volume.cache.set(block, data);
    return { error: null, data };
  }

  #readOf(volume: OpenVolume, extent: number, block: number): Submission {
    const { node } = volume.writer;
    const [device, at] = this.#place(volume, extent, block);
    return { device, request: { kind: 'read', initiator: node, at } };
  }

  #writeOf(volume: OpenVolume, extent: number, { block, data }: { block: number; data: Tag | null }): Submission {
    const [device, at] = this.#place(volume, extent, block);
    const contents: Block = { data, writer: volume.writer };
    return { device, request: { kind: 'write', initiator: volume.writer.node, at, block: contents } };
  }

  #place(volume: OpenVolume, extent: number, block: number): [Device, number] {
    const devices = this.#parts.devicesOf(volume.pool);
    const device = devices[extent % devices.length];
    invariant(device !== undefined, `pool ${volume.pool} has no device`);
    return [device, extent * extentBlocks + (block % extentBlocks)];
  }

  async #write(volume: OpenVolume, request: Extract<IoRequest, { kind: 'write' }>): Promise<Outcome> {
    const { process } = this.#parts;
    const at = Math.floor(request.block / extentBlocks);
    const pending = volume.pending.get(at);
    if (pending !== undefined && pending.revision < volume.shareRevision) {
      // It belongs to a snapshot that is being taken: converted first, copied up then.
      await process.take(volume.changed());
      return 'again';
    }
    const entry = volume.map.get(at);
    if (pending !== undefined) return this.#overwrite(volume, pending.extent, request);
    if (entry?.isShared === false) return this.#overwrite(volume, entry.extent, request);
    return this.#fill(volume, request, entry?.extent ?? -1);
  }

  async #overwrite(
    volume: OpenVolume,
    extent: number,
    { block, tag }: Extract<IoRequest, { kind: 'write' }>,
  ): Promise<Outcome> {
    const submission = this.#writeOf(volume, extent, { block, data: tag });
    const passed = await this.#parts.gate.pass(volume, volume.revision, [submission]);
    if (passed.verdict !== 'done') return passed.verdict === 'stale' ? 'again' : tornDown;
    passed.finish();
    return this.#written(volume, passed.answers, { block, tag });
  }

  #written(volume: OpenVolume, answers: readonly DeviceAnswer[], { block, tag }: { block: number; tag: Tag }): Outcome {
    const failed = answers.find(({ error }) => error !== null);
    if (failed !== undefined && failed.error !== null) {
      volume.cache.delete(block);
      return afterError(failed.error);
    }
    // Who lets go drops the cache when the last request is back; until then nothing older than this write may be read there.
    if (volume.isShut) volume.cache.delete(block);
    else volume.cache.set(block, tag);
    return { error: null, data: tag };
  }

  /** First write and copy-up: the whole extent is filled, then it stands in the list, then the write is answered. */
  async #fill(
    volume: OpenVolume,
    { block, tag }: Extract<IoRequest, { kind: 'write' }>,
    old: number,
  ): Promise<Outcome> {
    const { revision } = volume;
    const at = Math.floor(block / extentBlocks);
    const other = at * extentBlocks + (extentBlocks - 1 - (block % extentBlocks));
    const extent = await this.#takeSpare(volume);
    if (extent === null) return volume.isShut ? tornDown : { error: 'no-space' };
    const kept = old === -1 ? null : await this.#copyOf(volume, { revision, old, block: other });
    if (kept === 'again' || kept === 'failed') {
      volume.spares.push(extent);
      return kept === 'again' ? 'again' : { error: 'io' };
    }
    const passed = await this.#parts.gate.pass(volume, revision, [
      this.#writeOf(volume, extent, { block, data: tag }),
      this.#writeOf(volume, extent, { block: other, data: kept }),
    ]);
    if (passed.verdict !== 'done') {
      volume.spares.push(extent);
      return passed.verdict === 'stale' ? 'again' : tornDown;
    }
    const isFilled = passed.answers.every(({ error }) => error === null);
    if (isFilled) volume.pending.set(at, { extent, expect: old, revision });
    passed.finish();
    return this.#written(volume, passed.answers, { block, tag });
  }

  async #copyOf(
    volume: OpenVolume,
    { revision, old, block }: { revision: number; old: number; block: number },
  ): Promise<Tag | null | 'again' | 'failed'> {
    const passed = await this.#parts.gate.pass(volume, revision, [this.#readOf(volume, old, block)]);
    if (passed.verdict !== 'done') return 'again';
    passed.finish();
    const [answer] = passed.answers;
    if (answer?.error !== null) return 'failed';
    return answer.block?.data ?? null;
  }

  /** Moves an extent elsewhere while its user goes on: a copy, which a flush puts in its place as it does with a copy-up. */
  async migrate(agent: number, name: string, at: number): Promise<boolean> {
    const volume = this.#volumeFor(agent, name);
    if (volume === null || volume.mode === 'read') return false;
    return this.#alone(volume, at, async () => {
      const entry = volume.map.get(at);
      // What is not converted yet is on its way to its place; what an intent holds may be about to go.
      const isAtRest = !volume.pending.has(at) && !volume.isHeldAt(at) && !volume.isShut;
      return entry !== undefined && isAtRest && (await this.#move(volume, at, entry.extent));
    });
  }

  async #move(volume: OpenVolume, at: number, old: number): Promise<boolean> {
    const { gate } = this.#parts;
    const { revision } = volume;
    const extent = await this.#takeSpare(volume);
    if (extent === null) return false;
    const blocks = Array.from({ length: extentBlocks }, (_, offset) => at * extentBlocks + offset);
    const reads = blocks.map((block) => this.#readOf(volume, old, block));
    const read = await gate.pass(volume, revision, reads);
    const contents = contentsOf(read);
    if (read.verdict === 'done') read.finish();
    // The device may have told another request that it lost its power, and these what is left.
    if (contents === null || volume.isShut) {
      volume.spares.push(extent);
      return false;
    }
    const writes = blocks.map((block, offset) =>
      this.#writeOf(volume, extent, { block, data: contents[offset] ?? null }),
    );
    const passed = await gate.pass(volume, revision, writes);
    if (passed.verdict !== 'done') {
      volume.spares.push(extent);
      return false;
    }
    const isFilled = contentsOf(passed) !== null;
    if (isFilled) volume.pending.set(at, { extent, expect: old, revision });
    passed.finish();
    return isFilled;
  }

  async #takeSpare(volume: OpenVolume): Promise<number | null> {
    const spare = volume.spares.shift();
    if (spare !== undefined) return spare;
    const { clock, quorum } = this.#parts;
    if (clock.boottimeMs() < volume.fullUntilMs) return null;
    const allocated = await quorum.allocate(volume, sparesAhead);
    if (allocated === 'torn-down') volume.isShut = true;
    if (allocated === 'no-space') volume.fullUntilMs = clock.boottimeMs() + fullMs;
    if (typeof allocated === 'string') return null;
    volume.spares.push(...allocated);
    return volume.spares.shift() ?? null;
  }

  #volumeFor(agent: number, name: string): OpenVolume | null {
    const { shared } = this.#parts;
    if (agent < shared.agent) return null;
    return shared.volumes.get(name) ?? null;
  }

  open(agent: number, request: OpenRequest): boolean {
    const { shared } = this.#parts;
    const { volume: name, session } = request.writer;
    if (agent < shared.agent || session !== shared.session || shared.volumes.has(name)) return false;
    // What the kernel kept of the volume's blocks belongs to an earlier holder.
    shared.cacheOf(name).clear();
    shared.open(name, new OpenVolume(request, shared.cacheOf(name)));
    return true;
  }

  setDeadline(agent: number, name: string, deadlineMs: number): void {
    const volume = this.#volumeFor(agent, name);
    if (volume === null || deadlineMs <= volume.deadlineMs) return;
    volume.deadlineMs = deadlineMs;
    volume.wake();
  }

  async applyIntent(agent: number, name: string, intent: IntentState): Promise<boolean> {
    const volume = this.#volumeFor(agent, name);
    if (volume === null) return false;
    const known = volume.draining.get(intent.revision);
    if (known !== undefined) return known;
    const draining = this.#flusher.drainBelow(volume, intent);
    volume.draining.set(intent.revision, draining);
    return draining;
  }

  endIntent(agent: number, name: string, intent: IntentState, isTakenAway: boolean): void {
    const volume = this.#volumeFor(agent, name);
    const held = [...(volume?.held ?? [])].find(({ revision }) => revision === intent.revision);
    if (volume === null || held === undefined) return;
    volume.held.delete(held);
    // The end of a cut may be heard of when the next one holds already.
    if (volume.writesHeldFor === held.revision) volume.writesHeldUntilMs = -Infinity;
    if (isTakenAway) {
      for (let at = intent.from; at < intent.to; at++) volume.map.delete(at);
      for (const block of volume.cache.keys()) {
        if (block >= intent.from * extentBlocks && block < intent.to * extentBlocks) volume.cache.delete(block);
      }
      if (intent.kind === 'shrink') volume.extents = intent.from;
    }
    volume.wake();
  }

  async shut(agent: number, name: string, how: 'flush' | 'drop'): Promise<boolean> {
    const volume = this.#volumeFor(agent, name);
    if (volume === null) return false;
    const flushed = how === 'flush' && !volume.isShut ? await this.#flusher.flush(volume) : tornDown;
    volume.isShut = true;
    volume.wake();
    while (volume.admitted.size > 0) await this.#parts.process.take(volume.changed());
    // A cached read never comes to the engine: who lets go drops what the kernel keeps (decision record 12).
    volume.cache.clear();
    return flushed.error === null && volume.pending.size === 0;
  }

  close(agent: number, name: string): void {
    const volume = this.#volumeFor(agent, name);
    if (volume === null) return;
    invariant(volume.isShut && volume.admitted.size === 0, `${name} is closed while something of it is in flight`);
    this.#parts.shared.volumes.delete(name);
  }
}

/** Null if anything of it was not done. */
function contentsOf(passed: Passed): (Tag | null)[] | null {
  if (passed.verdict !== 'done') return null;
  const done = passed.answers.filter((answer) => answer.error === null);
  return done.length < passed.answers.length ? null : done.map(({ block }) => block?.data ?? null);
}

function afterError(error: NonNullable<DeviceAnswer['error']>): Outcome {
  // The gate is shut by now where that is needed: the request is held there, not failed.
  if (error === 'reset' || error === 'preempted' || error === 'power' || error === 'reservation-conflict')
    return 'again';
  return { error: 'io' };
}
