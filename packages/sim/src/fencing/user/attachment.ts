// One volume at one node, as Kubernetes drives it: publish, stage, a pod, and back. It asks again until it is done, as the
// attacher and the kubelet do; a force skips what the node has to do.
import type { Command, Answer } from '../metadata/command.ts';
import type { GrantMode } from '../metadata/state.ts';
import type { StorageNode } from '../node/storage-node.ts';
import { Pod, type PodOptions } from './pod.ts';

export interface AttachmentParts extends Omit<PodOptions, 'extents' | 'host'> {
  readonly host: StorageNode;
  readonly extents: () => number;
  readonly ask: (command: Command) => Promise<Answer | null>;
  /** The API server hears of the node, and the node of it. */
  readonly isReachable: () => boolean;
  readonly nowMs: () => number;
}

type Phase = 'publishing' | 'published' | 'running' | 'gone';
/** How long a detach waits for its node before it is forced. */
const forceAfterMs = 5_000;
/** Who was refused asks again at the next look, then ever later, as attacher and kubelet do; within the time that who waits has. */
const refusedPauseMs = 300;
const refusedPauseMsMax = 1_200;

export class Attachment {
  readonly #parts: AttachmentParts;
  phase: Phase = 'publishing';
  #epoch = 0;
  #pod: Pod | null = null;
  #isBusy = false;
  #isCleared = false;
  #endingSinceMs: number | null = null;
  #refusedPauseMs = 0;
  #notBeforeMs = 0;
  isForced = false;

  constructor(parts: AttachmentParts) {
    this.#parts = parts;
  }

  get volume(): string {
    return this.#parts.volume;
  }
  get node(): string {
    return this.#parts.host.name;
  }
  get mode(): GrantMode {
    return this.#parts.mode;
  }
  get isEnding(): boolean {
    return this.#endingSinceMs !== null;
  }
  get isServing(): boolean {
    return this.phase === 'running' && this.#pod?.hasEnded === false && !this.#pod.hasFailed;
  }

  end(): void {
    if (!this.isEnding) this.#getOn();
    this.#endingSinceMs ??= this.#parts.nowMs();
    this.tellNode();
  }

  #comeTo(phase: Phase): void {
    this.phase = phase;
    this.#getOn();
  }
  #getOn(): void {
    this.#refusedPauseMs = 0;
    this.#notBeforeMs = 0;
  }
  #wait(): void {
    this.#notBeforeMs = this.#parts.nowMs() + this.#refusedPauseMs;
    this.#refusedPauseMs = Math.min(Math.max(2 * this.#refusedPauseMs, refusedPauseMs), refusedPauseMsMax);
  }

  /** Whoever is taken for dead, or not reached, runs its pod on. */
  tellNode(): void {
    if (this.#isHeard) this.#pod?.end();
  }
  /** Detached without its node: what is left there goes as soon as the kubelet hears of it. */
  clearAway(): void {
    this.tellNode();
    if (this.#isBusy || this.hasPodEnded || !this.#isHeard) return;
    this.#isBusy = true;
    const { host, volume } = this.#parts;
    void host
      .callAgent((agent) => agent.unstage(volume))
      .then((isClear) => {
        this.#isCleared = isClear === true;
        this.#isBusy = false;
      });
  }
  get #isHeard(): boolean {
    const { host, isReachable } = this.#parts;
    return isReachable() && host.isUp && !host.isFrozen;
  }
  /** Requests that died with agent and engine are never answered: then it counts that no device is left. */
  get hasPodEnded(): boolean {
    return this.#isCleared || this.#pod?.hasEnded !== false;
  }

  /** The next step, if none is under way. */
  proceed(): void {
    if (this.#isBusy || this.#parts.nowMs() < this.#notBeforeMs) return;
    this.#isBusy = true;
    void this.#step().finally(() => {
      this.#isBusy = false;
    });
  }

  /** Publishes again where it stands: must change nothing. One call about a volume at a time, as the CSI specification has it. */
  publishAgain(): void {
    if (this.phase !== 'running' || this.isEnding || this.#isBusy) return;
    this.#isBusy = true;
    void this.#publish().finally(() => {
      this.#isBusy = false;
    });
  }

  /** Its extents move one after another while the pod goes on. */
  async migrate(from: number, to: number): Promise<void> {
    for (let at = from; at < to && this.isServing; at++) {
      await this.#parts.host.callAgent((agent) => agent.migrate(this.volume, at));
    }
  }

  async #step(): Promise<void> {
    if (this.isEnding) return this.#detach();
    if (this.phase === 'publishing') return this.#publishFirst();
    if (this.#parts.isReachable() && this.#parts.host.isUp) await this.#serve();
  }

  #serve(): Promise<void> {
    return this.phase === 'running' ? this.#restartPod() : this.#stage();
  }

  #publish(): Promise<Answer | null> {
    const { ask, volume, mode } = this.#parts;
    return ask({ kind: 'publish', volume, node: this.node, mode });
  }

  async #publishFirst(): Promise<void> {
    const answer = await this.#publish();
    if (answer?.refusal !== null) return this.#wait();
    this.#epoch = answer.epoch;
    this.#comeTo('published');
  }

  async #stage(): Promise<void> {
    const { host, volume, mode } = this.#parts;
    const result = await host.callAgent((agent) => agent.stage({ volume, epoch: this.#epoch, mode }));
    if (result === 'refused') this.#wait();
    if (result !== 'staged' || this.isEnding) return;
    this.#pod = new Pod({ ...this.#parts, extents: this.#parts.extents() });
    this.#comeTo('running');
  }

  /** The device failed, or the machine began anew: what is left is cleared away, and the pod staged again without a publish. */
  async #restartPod(): Promise<void> {
    if (this.#pod?.hasFailed === false && !this.#pod.hasEnded) return;
    this.#pod?.end();
    const isClear = await this.#parts.host.callAgent((agent) => agent.unstage(this.#parts.volume));
    if (isClear === true) this.#comeTo('published');
  }

  async #detach(): Promise<void> {
    const { host, volume, isReachable, nowMs, ask } = this.#parts;
    const isOverdue = nowMs() - (this.#endingSinceMs ?? 0) > forceAfterMs;
    if (this.phase === 'running' && !this.isForced && !isOverdue) {
      if (!isReachable() || !host.isUp || this.#pod?.hasEnded === false) return;
      if ((await host.callAgent((agent) => agent.unstage(volume))) !== true) return;
      this.#comeTo('published');
    }
    const answer = await ask({ kind: 'unpublish', volume, node: this.node });
    if (answer?.refusal === null) this.#comeTo('gone');
    else this.#wait();
  }
}
