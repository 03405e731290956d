// F1: the one gate. Right before it submits, an engine asks whether this volume's epoch may, whether the map that it used is the
// current one, and whether the deadline lies ahead. In the kernel engine check and submission are one step; a user engine's
// worker can be stopped between them, and that gap is what the tiers of `lease` are about.
import type { Clock } from '@holdfast/base';
import type { Device, DeviceAnswer, DeviceRequest } from '../device.ts';
import type { Tier } from '../metadata/state.ts';
import type { Admission, Observer } from '../ports.ts';
import type { DevicePath } from './device-path.ts';
import type { LocalProcess } from './local-process.ts';
import type { AdmittedWork, OpenVolume } from './open-volume.ts';

export interface GateParts {
  readonly clock: Clock;
  readonly nowMs: () => number;
  readonly process: LocalProcess;
  readonly path: DevicePath;
  readonly tier: Tier;
  readonly observer: Observer;
  /** The next worker stands between check and submission. */
  readonly stand: () => Promise<void>;
  /** A device said something that concerns the whole pool. */
  readonly onAttention: (pool: string, answer: DeviceAnswer) => void;
}

export type Submission = { readonly device: Device; readonly request: DeviceRequest };
export type Passed =
  | { readonly verdict: 'stale' | 'shut' }
  | { readonly verdict: 'done'; readonly answers: readonly DeviceAnswer[]; readonly finish: () => void };

export class Gate {
  readonly #parts: GateParts;
  /** Settles when nothing of an earlier engine is left; null once it has. */
  #inheriting: Promise<void> | null = null;

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  isOpen(volume: OpenVolume): boolean {
    return !volume.isShut && !volume.isUnconfirmed && this.#parts.clock.boottimeMs() < volume.deadlineMs;
  }

  /**
   * A successor admits nothing until everything of the old engine has come back from below, and attends to what that was told: the
   * device tells each port once, and it may have told a request whose process was gone.
   */
  async inherit(volumes: readonly OpenVolume[]): Promise<void> {
    this.#inheriting = this.#awaitAll(volumes);
    await this.#inheriting;
    this.#inheriting = null;
  }

  async #awaitAll(volumes: readonly OpenVolume[]): Promise<void> {
    const { process, onAttention } = this.#parts;
    for (const volume of volumes) {
      for (const work of volume.admitted) while (work.stage !== 'done') await process.take(volume.changed());
    }
    for (const volume of volumes) {
      const errors = [...volume.admitted].flatMap((work) => work.errors);
      volume.admitted.clear();
      for (const error of errors) onAttention(volume.pool, error);
      volume.wake();
    }
  }

  /** F6: holds what comes while the gate is shut but not for good. */
  async #waitUntilOpen(volume: OpenVolume): Promise<void> {
    while (!volume.isShut && !this.isOpen(volume)) await this.#parts.process.take(volume.changed());
  }

  /** Submits all of it under one admission. The caller says `finish` when it has written down what came of it. */
  async pass(volume: OpenVolume, revision: number, submissions: readonly Submission[]): Promise<Passed> {
    if (this.#inheriting !== null) await this.#parts.process.take(this.#inheriting);
    await this.#waitUntilOpen(volume);
    if (volume.isShut) return { verdict: 'shut' };
    if (volume.revision !== revision) return { verdict: 'stale' };
    const work: AdmittedWork = { revision, stage: 'gap', errors: [] };
    volume.admitted.add(work);
    const checkedMs = this.#parts.nowMs();
    if (this.#parts.tier !== 'kernel') await this.#parts.stand();
    work.stage = 'below';
    const answers = await this.#submit(volume, work, { submissions, checkedMs });
    const finish = (): void => {
      volume.admitted.delete(work);
      volume.wake();
    };
    return { verdict: 'done', answers, finish };
  }

  #submit(
    volume: OpenVolume,
    work: AdmittedWork,
    { submissions, checkedMs }: { readonly submissions: readonly Submission[]; readonly checkedMs: number },
  ): Promise<DeviceAnswer[]> {
    const { path, process, observer, onAttention } = this.#parts;
    const { writer } = volume;
    if (submissions.length === 0) return Promise.resolve([]);
    const isPastDeadline = this.#parts.clock.boottimeMs() >= volume.deadlineMs;
    return new Promise((resolve) => {
      const answers: DeviceAnswer[] = [];
      let left = submissions.length;
      for (const [index, { device, request }] of submissions.entries()) {
        const at = request.kind === 'flush' ? -1 : request.at;
        const admission: Admission = { writer, device: device.name, at, revision: work.revision, checkedMs };
        observer.submitted(admission, isPastDeadline);
        path.submit(device, request, (answer) => {
          answers[index] = answer;
          if (answer.error !== null) {
            work.errors.push(answer);
            // At once, not with the last answer: until then another request could count as flushed what the device has lost.
            process.run(() => onAttention(volume.pool, answer));
          }
          if (--left > 0) return;
          work.stage = 'done';
          // A successor waits for it, where nobody is left who would say that it is finished.
          if (!process.isAlive) volume.wake();
          process.run(() => resolve(answers));
        });
      }
    });
  }
}
