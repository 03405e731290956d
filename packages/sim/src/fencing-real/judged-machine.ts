// The real state machine as a member runs it, under the eyes of the judges. What nobody has applied yet is applied alone, so that the state
// behind it can be read; the rest in the batches of the host, so that both ways have to come to the same.
import type { LogIndex } from '@holdfast/base';
import type { MetadataMachine, SnapshotSource, StateMachine } from '@holdfast/metadata-service';
import type { Entry } from '@holdfast/raft';
import type { ServiceLog } from './service-log.ts';

export interface JudgedMachineParts {
  readonly member: string;
  readonly machine: MetadataMachine;
  readonly log: ServiceLog;
  /** What a process does when it is dead already reaches nobody. */
  readonly isAlive: () => boolean;
}

export class JudgedMachine implements StateMachine {
  readonly #parts: JudgedMachineParts;

  constructor(parts: JudgedMachineParts) {
    this.#parts = parts;
  }

  get applied(): LogIndex {
    return this.#parts.machine.applied;
  }

  apply(entries: readonly Entry[]): readonly (Uint8Array | null)[] {
    const { member, machine, log, isAlive } = this.#parts;
    const answers: (Uint8Array | null)[] = [];
    while (answers.length < entries.length) {
      const first = entries[answers.length]?.index ?? 0;
      const part = entries.slice(answers.length, answers.length + log.together(first, entries.length - answers.length));
      const given = machine.apply(part);
      answers.push(...given);
      if (isAlive()) log.applied(member, machine, part, given);
    }
    return answers;
  }

  keep(): void {
    this.#parts.machine.keep();
  }

  snapshot(): SnapshotSource {
    return this.#parts.machine.snapshot();
  }

  async install(source: SnapshotSource): Promise<void> {
    const { member, machine, log, isAlive } = this.#parts;
    await machine.install(source);
    if (isAlive()) log.compare(member, machine);
  }
}
