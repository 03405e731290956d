// What the leader proposes by itself: each errand has a name and is under way once. One that was refused rests before its next try,
// because a refusal is an entry of the log, too.
import { isOpError, type Clock, type OpError } from '@holdfast/base';
import type { Log } from '@holdfast/telemetry';
import type { Command, CommandKind, CommandOf, ResultOf } from '../state/commands.ts';
import type { LeaderSettings } from './leader-settings.ts';
import type { Proposer } from './proposer.ts';

export interface ErrandsParts {
  readonly proposer: Pick<Proposer, 'ask'>;
  readonly clock: Clock;
  readonly settings: LeaderSettings;
  readonly log: Log | null;
  /** Sees what is about to be proposed; the simulator's judge. */
  readonly onProposing: ((command: Command) => void) | null;
}

export interface Outcome<Kind extends CommandKind> {
  readonly onDone?: (result: ResultOf<Kind>) => void;
  readonly onRefused?: (error: OpError) => void;
  /** It may have been proposed, and may yet take effect. */
  readonly onSilence?: () => void;
}

export class Errands {
  readonly #parts: ErrandsParts;
  readonly #underWay = new Set<string>();
  readonly #restUntilMs = new Map<string, number>();

  constructor(parts: ErrandsParts) {
    this.#parts = parts;
  }

  /** False if it is not begun: it is under way, rests, or too many others are. */
  run<Kind extends CommandKind>(
    name: string,
    command: CommandOf<Kind> & Command,
    outcome: Outcome<Kind> = {},
  ): boolean {
    const { clock, settings, onProposing } = this.#parts;
    if (this.#underWay.has(name) || this.#underWay.size >= settings.errandsMax) return false;
    if ((this.#restUntilMs.get(name) ?? -Infinity) > clock.boottimeMs()) return false;
    this.#restUntilMs.delete(name);
    this.#underWay.add(name);
    onProposing?.(command);
    void this.#carryOut(name, command, outcome);
    return true;
  }

  async #carryOut<Kind extends CommandKind>(
    name: string,
    command: CommandOf<Kind> & Command,
    { onDone, onRefused, onSilence }: Outcome<Kind>,
  ): Promise<void> {
    try {
      const { result, refusal } = await this.#parts.proposer.ask<Kind>(command);
      this.#underWay.delete(name);
      if (refusal === null) onDone?.(result);
      else this.#refused(name, refusal, onRefused);
    } catch (error) {
      this.#underWay.delete(name);
      if (!isOpError(error)) throw error;
      this.#rest(name);
      this.#parts.log?.debug('the outcome of an errand is unknown', { errand: name, error });
      onSilence?.();
    }
  }

  #refused(name: string, error: OpError, onRefused: ((error: OpError) => void) | undefined): void {
    this.#rest(name);
    this.#parts.log?.info('an errand was refused', { errand: name, error });
    onRefused?.(error);
  }

  #rest(name: string): void {
    const nowMs = this.#parts.clock.boottimeMs();
    for (const [each, untilMs] of this.#restUntilMs) if (untilMs <= nowMs) this.#restUntilMs.delete(each);
    this.#restUntilMs.set(name, nowMs + this.#parts.settings.refusedMs);
  }
}
