// Flush: device flush first, then "written" in the log, then the answer. What is converted is what was complete before the device
// flush was submitted. And the drain of an intent (F9), which ends in such a flush.
import type { Clock } from '@holdfast/base';
import type { Device, DeviceAnswer } from '../device.ts';
import type { IntentState } from '../metadata/state.ts';
import type { IoResult, Observer } from '../ports.ts';
import { times } from '../settings.ts';
import type { Gate, Submission } from './gate.ts';
import type { LocalProcess } from './local-process.ts';
import type { OpenVolume, PendingEntry } from './open-volume.ts';

/** What an engine asks of the quorum, by way of its agent. Answers come however long it takes. */
export interface QuorumDoor {
  allocate(volume: OpenVolume, count: number): Promise<readonly number[] | 'no-space' | 'torn-down'>;
  convert(volume: OpenVolume, revision: number, entries: readonly Conversion[]): Promise<'done' | 'busy' | 'torn-down'>;
}

export interface Conversion {
  readonly at: number;
  readonly extent: number;
  readonly expect: number;
}

export interface FlusherParts {
  readonly process: LocalProcess;
  readonly clock: Clock;
  readonly gate: Gate;
  readonly devicesOf: (pool: string) => readonly Device[];
  readonly quorum: QuorumDoor;
  readonly observer: Observer;
}

/** How soon a conversion that an intent holds up is asked for again. */
const busyRetryMs = 100;

export class Flusher {
  readonly #parts: FlusherParts;

  constructor(parts: FlusherParts) {
    this.#parts = parts;
  }

  /** Of what was admitted below a revision only: the rest may have to wait for the end of an intent. */
  async flush(volume: OpenVolume, below = Infinity): Promise<IoResult> {
    const { gate, devicesOf, observer } = this.#parts;
    for (;;) {
      const ticket = observer.flushing(volume.writer);
      const complete = [...volume.pending].filter(([, { revision }]) => revision < below);
      const submissions = devicesOf(volume.pool).map((device): Submission => {
        return { device, request: { kind: 'flush', initiator: volume.writer.node } };
      });
      const passed = await gate.pass(volume, volume.revision, submissions);
      if (passed.verdict === 'shut') return { error: 'torn-down' };
      if (passed.verdict !== 'done') continue;
      passed.finish();
      const failed = passed.answers.find(({ error }) => error !== null);
      if (failed !== undefined && isWorthRepeating(failed)) continue;
      if (failed !== undefined) return { error: 'io' };
      // Another request may have been told of the device's loss of power, this flush not: what it should have covered is gone.
      if (volume.isShut) return { error: 'torn-down' };
      if (!(await this.#convert(volume, complete))) return { error: 'torn-down' };
      if (below === Infinity) observer.flushed(volume.writer, ticket);
      return { error: null, data: null };
    }
  }

  /** One command for each revision: what was admitted above a cut must not slip below it with the rest. */
  async #convert(volume: OpenVolume, complete: readonly (readonly [number, PendingEntry])[]): Promise<boolean> {
    const revisions = [...new Set(complete.map(([, { revision }]) => revision))].sort((one, other) => one - other);
    for (const revision of revisions) {
      const entries = complete.filter(([, pending]) => pending.revision === revision);
      if (!(await this.#convertEntries(volume, revision, entries))) return false;
    }
    return true;
  }

  async #convertEntries(
    volume: OpenVolume,
    revision: number,
    entries: readonly (readonly [number, PendingEntry])[],
  ): Promise<boolean> {
    const { quorum, process } = this.#parts;
    const conversions = entries.map(([at, { extent, expect }]) => ({ at, extent, expect }));
    for (;;) {
      if (volume.isShut) return false;
      const verdict = await quorum.convert(volume, revision, conversions);
      if (verdict === 'done') break;
      if (verdict === 'torn-down') {
        volume.isShut = true;
        volume.wake();
        return false;
      }
      await process.sleep(busyRetryMs);
    }
    for (const [at, pending] of entries) {
      if (volume.pending.get(at) !== pending) continue;
      volume.pending.delete(at);
      volume.map.set(at, { extent: pending.extent, isShared: pending.revision < volume.shareRevision });
    }
    volume.wake();
    return true;
  }

  /** F9: for a cut over several volumes each of them holds its writes for so long by its own clock, and no longer. */
  endHold(volume: OpenVolume): void {
    const { clock, process } = this.#parts;
    const leftMs = volume.writesHeldUntilMs - clock.boottimeMs();
    if (leftMs > 0) process.after(leftMs, () => volume.wake());
  }

  /** Everything admitted below the intent's revision has ended, is flushed and converted; the engine goes on above it. */
  async drainBelow(volume: OpenVolume, intent: IntentState): Promise<boolean> {
    const { clock } = this.#parts;
    const { revision } = intent;
    volume.revision = Math.max(volume.revision, revision);
    volume.held.add(intent);
    if (intent.cut !== null) {
      volume.writesHeldUntilMs = clock.boottimeMs() + times.holdMs;
      volume.writesHeldFor = revision;
      this.endHold(volume);
    }
    if (intent.kind === 'share') {
      volume.shareRevision = revision;
      for (const [at, { extent }] of volume.map) volume.map.set(at, { extent, isShared: true });
    }
    volume.wake();
    while (!volume.isDrainedBelow(revision)) await this.#parts.process.take(volume.changed());
    if (volume.isShut) return false;
    const isLeft = (): boolean => [...volume.pending.values()].some((pending) => pending.revision < revision);
    // Only a snapshot needs it to be durable; what is taken away needs nothing but that nobody uses it.
    if (intent.kind !== 'share' && !isLeft()) return true;
    const flushed = await this.flush(volume, revision);
    return flushed.error === null && !isLeft() && !volume.isShut;
  }
}

function isWorthRepeating({ error }: DeviceAnswer): boolean {
  return error === 'reset' || error === 'preempted' || error === 'reservation-conflict';
}
