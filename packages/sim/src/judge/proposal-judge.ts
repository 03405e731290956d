// What clients were told of their proposals, against what was committed: an acknowledged one is there, and took effect exactly once,
// at its first place in the log; one that was refused for good never happens.
import type { ProposalId } from '@holdfast/raft';
import type { Report } from './raft-judge.ts';

interface Fate {
  committedAt: number | null;
  effectAt: number | null;
  isAcknowledged: boolean;
  isRefused: boolean;
}

export class ProposalJudge {
  readonly #report: Report;
  readonly #fates = new Map<string, Fate>();
  acknowledgements = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  /** An entry with this id is committed, perhaps not the first one. */
  committed(id: ProposalId, index: number): void {
    const fate = this.#fateOf(id);
    fate.committedAt = Math.min(index, fate.committedAt ?? index);
    if (fate.isRefused) this.#report('refused-for-good', `proposal ${nameOf(id)} was refused, and is entry ${index}`);
  }

  /** A state machine took the command of this entry for the first of its id. */
  tookEffect(id: ProposalId, index: number): void {
    const fate = this.#fateOf(id);
    fate.effectAt ??= index;
    if (fate.effectAt === index && fate.committedAt === index) return;
    const places = `it took effect at ${fate.effectAt} and at ${index}, and is committed first at ${fate.committedAt ?? '-'}`;
    this.#report('exactly-once', `proposal ${nameOf(id)}: ${places}`);
  }

  acknowledged(id: ProposalId): void {
    const fate = this.#fateOf(id);
    fate.isAcknowledged = true;
    this.acknowledgements++;
    if (fate.effectAt === null) this.#report('acknowledged-is-there', `proposal ${nameOf(id)} never took effect`);
  }

  /** Whoever refused it said that it will not happen, and nobody sends it again. */
  refused(id: ProposalId): void {
    const fate = this.#fateOf(id);
    fate.isRefused = true;
    if (fate.committedAt === null) return;
    this.#report('refused-for-good', `proposal ${nameOf(id)} is refused, and was entry ${fate.committedAt}`);
  }

  #fateOf(id: ProposalId): Fate {
    const name = nameOf(id);
    let fate = this.#fates.get(name);
    if (fate === undefined) {
      fate = { committedAt: null, effectAt: null, isAcknowledged: false, isRefused: false };
      this.#fates.set(name, fate);
    }
    return fate;
  }
}

function nameOf({ session, sequence }: ProposalId): string {
  return `${session}.${sequence}`;
}
