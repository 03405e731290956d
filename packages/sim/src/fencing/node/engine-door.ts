// How agent and engine of a node reach each other although either may die meanwhile: a question goes to whoever serves, and is
// asked again of the successor.
import type { Agent } from './agent.ts';
import type { Engine } from './engine.ts';
import type { QuorumDoor } from './flusher.ts';
import type { LocalProcess } from './local-process.ts';

const retryMs = 200;
/** After this an engine takes its agent for dead, and asks whoever is there. */
const patienceMs = 3_000;

export class EngineDoor {
  #engine: Engine | null = null;
  #process: LocalProcess | null = null;
  #waiters: (() => void)[] = [];

  install(engine: Engine, process: LocalProcess): void {
    this.#engine = engine;
    this.#process = process;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }

  #changed(): Promise<null> {
    return new Promise((resolve) => void this.#waiters.push(() => resolve(null)));
  }

  async ask<Value>(asker: LocalProcess, question: (engine: Engine) => Promise<Value>): Promise<Value> {
    for (;;) {
      const engine = this.#engine;
      const process = this.#process;
      if (engine === null || process?.isAlive !== true) {
        await asker.take(this.#changed());
        continue;
      }
      const answer = question(engine).then((value) => ({ value }));
      const settled = await asker.take(Promise.race([answer, this.#changed()]));
      if (settled !== null) return settled.value;
    }
  }

  quorumFor(engine: LocalProcess, current: () => { agent: Agent; process: LocalProcess }): QuorumDoor {
    /** Asks the agent that is there; null when it gave no answer in time. */
    const once = <Value>(question: (agent: Agent) => Promise<Value | null>): Promise<Value | null> => {
      const { agent, process } = current();
      const answered = new Promise<Value | null>((resolve) => {
        process.run(() => void question(agent).then((value) => engine.run(() => resolve(value))));
      });
      return Promise.race([answered, engine.sleep(patienceMs).then(() => null)]);
    };
    return {
      allocate: async (volume, count) => {
        const { volume: name, epoch } = volume.writer;
        while (!volume.isShut) {
          const answer = await once((agent) =>
            agent.ask({ kind: 'allocate', ...agent.by, volume: name, epoch, count }),
          );
          if (answer?.refusal === null) return answer.extents;
          if (answer?.refusal === 'no-space') return 'no-space';
          if (answer?.refusal === 'fenced' || answer?.refusal === 'session-ended') return 'torn-down';
          await engine.sleep(retryMs);
        }
        return 'torn-down';
      },
      convert: async (volume, revision, entries) => {
        const { volume: name, epoch } = volume.writer;
        if (entries.length === 0) return 'done';
        const answer = await once((agent) => {
          return agent.ask({ kind: 'convert', ...agent.by, volume: name, epoch, revision, entries });
        });
        if (answer?.refusal === null) return 'done';
        const isFinal = answer?.refusal === 'fenced' || answer?.refusal === 'session-ended';
        return isFinal ? 'torn-down' : 'busy';
      },
    };
  }
}
