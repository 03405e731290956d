// A replica with all that surrounds it, as small as it can be: a core, a model disk, a model state machine, its snapshots. It
// does at once what a host does, except for syncing and sending, which its test decides. Test code.
import type { Random } from '@holdfast/base';
import { RaftCore } from './core.ts';
import type { Effects, SnapshotEffect } from './effects.ts';
import type { RaftEvent } from './event.ts';
import type { MemberId } from './ids.ts';
import type { SnapshotMark } from './message.ts';
import { ModelDisk } from './model-disk.ts';
import { ModelMachine } from './model-machine.ts';
import type { Recovered } from './recovered.ts';
import type { Settings } from './settings.ts';
import { toGroupId } from './ids.ts';

export interface ModelNodeOptions {
  readonly self: MemberId;
  readonly settings: Settings;
  readonly random: Random;
  readonly recovered: Recovered;
  /** Sees every step when its entries are applied, before what its snapshots bring about. */
  readonly onStep: (node: ModelNode, event: RaftEvent, effects: Effects) => void;
  readonly snapshotPartBytes: number;
}

interface Receiving {
  readonly mark: SnapshotMark;
  bytes: Uint8Array;
}

export class ModelNode {
  readonly self: MemberId;
  readonly disk: ModelDisk;
  machine = new ModelMachine();
  core: RaftCore;
  isUp = true;
  /** The state as of the last snapshot; durable. */
  snapshot: { readonly mark: SnapshotMark; readonly bytes: Uint8Array };
  #receiving: Receiving | null = null;
  readonly #options: ModelNodeOptions;
  #starts = 0;

  constructor(options: ModelNodeOptions) {
    this.#options = options;
    this.self = options.self;
    this.disk = new ModelDisk(options.recovered);
    this.snapshot = { mark: options.recovered.snapshot, bytes: this.machine.save() };
    this.core = this.#start(options.recovered);
  }

  #start(recovered: Recovered): RaftCore {
    this.#starts++;
    const { settings, random, self } = this.#options;
    return new RaftCore({ identity: { cluster: 'test', group: toGroupId(1), self }, settings, random, recovered });
  }

  step(event: RaftEvent): void {
    const effects = this.core.step(event);
    if (effects.write !== null) this.disk.write(effects.write);
    for (const entry of effects.committed) this.machine.apply(entry);
    this.#options.onStep(this, event, effects);
    for (const effect of effects.snapshots) this.#serveSnapshot(effect);
  }

  /** Syncs the first `count` writes. */
  sync(count = this.disk.pending): void {
    const ticket = this.disk.sync(count);
    if (ticket !== null) this.step({ kind: 'stored', ticket });
  }

  compact(): void {
    const mark = this.core.mark(`${this.self}-${this.#starts}-${this.machine.applied}`);
    if (mark.index === this.snapshot.mark.index) return;
    this.snapshot = { mark, bytes: this.machine.save() };
    this.disk.noteSnapshot(mark);
    this.step({ kind: 'compact', mark });
  }

  crash(keptWrites: number): void {
    this.disk.crash(keptWrites);
    this.isUp = false;
  }

  restart(): void {
    this.isUp = true;
    this.machine = new ModelMachine();
    this.machine.load(this.snapshot.bytes);
    const received = this.#receiving;
    const partialSnapshot = received === null ? null : { mark: received.mark, nextOffset: received.bytes.length };
    const installed = this.snapshot.mark;
    this.core = this.#start(this.disk.recover({ applied: this.machine.applied, installed, partialSnapshot }));
  }

  #serveSnapshot(effect: SnapshotEffect): void {
    switch (effect.kind) {
      case 'snapshot-read':
        this.#readPart(effect);
        return;
      case 'snapshot-write':
        this.#writePart(effect);
        return;
      case 'snapshot-install':
        this.#install(effect.mark);
    }
  }

  #readPart({
    to,
    id,
    leastIndex,
    mostIndex,
    offset,
    repairs,
  }: Extract<SnapshotEffect, { kind: 'snapshot-read' }>): void {
    const { mark, bytes } = this.snapshot;
    if (mark.index < leastIndex || mark.index > mostIndex || (id !== null && id !== mark.id)) {
      this.step({ kind: 'snapshot-read', to, repairs, chunk: null });
      return;
    }
    const data = bytes.slice(offset, offset + this.#options.snapshotPartBytes);
    const isLast = offset + data.length >= bytes.length;
    this.step({ kind: 'snapshot-read', to, repairs, chunk: { mark, offset, data, isLast } });
  }

  #writePart({ mark, offset, data }: Extract<SnapshotEffect, { kind: 'snapshot-write' }>): void {
    if (offset === 0 || this.#receiving === null) this.#receiving = { mark, bytes: new Uint8Array() };
    this.#receiving.bytes = Buffer.concat([this.#receiving.bytes, data]);
    this.step({ kind: 'snapshot-written', id: mark.id, nextOffset: this.#receiving.bytes.length });
  }

  /** The state is replaced durably before the core hears of it; the log follows with the next sync. */
  #install(mark: SnapshotMark): void {
    const bytes = this.#receiving?.bytes ?? new Uint8Array();
    this.#receiving = null;
    this.snapshot = { mark, bytes };
    this.machine.load(bytes);
    this.disk.noteSnapshot(mark);
    this.step({ kind: 'snapshot-installed', id: mark.id, isInstalled: true });
  }
}
