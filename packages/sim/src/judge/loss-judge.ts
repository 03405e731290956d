// A log that lost what it had acknowledged says that it may have (4-metadata.md), or its member votes as if that had never been. One loss no
// log can tell: a sector that the disk wrote elsewhere, with nothing behind it yet that would miss it. It is as if nothing had been
// written, and from then on a majority may not know what it has acknowledged.
import type { MemberId, Recovered } from '@holdfast/raft';
import type { Loss } from './replica-watch.ts';

export interface LossJudgeOptions {
  readonly report: (rule: string, text: string) => void;
  /** Nothing is promised from here on. */
  readonly excuse: (text: string) => void;
  /** Whether the seed damages what this member's disk holds durably: then a start may find less than was acknowledged. */
  readonly isDamaged: (member: MemberId) => boolean;
  /** Whether the disk holds something else, in a place of which it said that it has been written. */
  readonly isDeceived: (member: MemberId) => boolean;
}

export class LossJudge {
  readonly #options: LossJudgeOptions;

  constructor(options: LossJudgeOptions) {
    this.#options = options;
  }

  /** What the member's last life acknowledged, and the next one does not find. */
  judge(member: MemberId, { text, slot }: Loss, { ambiguity, faulty }: Recovered): void {
    const { report, excuse, isDamaged, isDeceived } = this.#options;
    const what = `member ${member} starts without ${text}`;
    if (!isDamaged(member)) report('durable-prefix', what);
    else if (ambiguity !== null || isBehindDamage(slot, faulty)) return;
    else if (isDeceived(member)) excuse(`${what}, which its disk wrote elsewhere`);
    else report('loss-is-told', `${what}, and does not say that it may miss it`);
  }
}

/** What lies behind a damaged slot may have to be given up with it: nobody knows whose it is. */
function isBehindDamage(slot: number | null, faulty: Recovered['faulty']): boolean {
  return slot !== null && faulty.some(({ index }) => index <= slot);
}
