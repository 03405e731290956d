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

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  isOpen(volume: OpenVolume): boolean {
    return !volume.isShut && !volume.isUnconfirmed && this.#parts.clock.boottimeMs() < volume.deadlineMs;
  }

  /** F6: holds what comes while the gate is shut but not for good. */
  async #waitUntilOpen(volume: OpenVolume): Promise<void> {
    while (!volume.isShut && !this.isOpen(volume)) await this.#parts.process.take(volume.changed());
  }

  /** Submits all of it under one admission. The caller says `finish` when it has written down what came of it. */
  async pass(volume: OpenVolume, revision: number, submissions: readonly Submission[]): Promise<Passed> {
    await this.#waitUntilOpen(volume);
    if (volume.isShut) return { verdict: 'shut' };
    if (volume.revision !== revision) return { verdict: 'stale' };
    const work: AdmittedWork = { revision, stage: 'gap' };
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
          // At once, not with the last answer: until then another request could count as flushed what the device has lost.
          if (answer.error !== null) process.run(() => onAttention(volume.pool, answer));
          if (--left > 0) return;
          work.stage = 'done';
          // Nobody is left who could say that it is finished.
          if (!process.isAlive) this.#forget(volume, work);
          process.run(() => resolve(answers));
        });
      }
    });
  }

  #forget(volume: OpenVolume, work: AdmittedWork): void {
    volume.admitted.delete(work);
    volume.wake();
  }
}
