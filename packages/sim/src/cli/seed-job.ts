// What a thread is asked to run, and what it answers: plain values, as they cross from thread to thread.
import type { PlantedBug, ScenarioName } from '../planted/planted-bug.ts';
import type { RunOptions, SeedResult } from '../world/scenario.ts';

/** With faults or operations of its own instead of those that the seed draws, if it names any. */
export interface SeedJob extends Pick<RunOptions, 'seed' | 'faults' | 'operations'> {
  readonly scenario: ScenarioName;
}

export interface ThreadSetup {
  readonly bug: PlantedBug | null;
}

export interface SeedAnswer {
  readonly result: SeedResult;
  /** The bug is in what ran; true without one. */
  readonly isPlanted: boolean;
}
