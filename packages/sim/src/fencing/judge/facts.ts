// What is really so, as the judge sees it and nobody in the model can: machines, clocks, devices.
import type { Device } from '../device.ts';
import type { PoolFacts } from '../node/agent.ts';
import type { StorageNode } from '../node/storage-node.ts';
import type { PoolState } from '../metadata/state.ts';

export interface Facts {
  readonly nowMs: () => number;
  readonly nodes: ReadonlyMap<string, StorageNode>;
  readonly devices: ReadonlyMap<string, Device>;
  readonly pools: ReadonlyMap<string, PoolFacts & Pick<PoolState, 'isBestEffortTakeover' | 'fencesPerHourMax'>>;
  /** A promise was broken. */
  readonly report: (rule: string, text: string) => void;
  /** The contract says of a pool that this may happen, and it did. */
  readonly show: (reason: string, text: string) => void;
}

/** Reasons that the table of the zombie writer, or an administrator, gives for a late write. */
export class Excuses {
  readonly #facts: Facts;
  readonly #frozen = new Set<string>();
  readonly #overridden = new Set<string>();
  readonly #lostPower = new Set<string>();
  /** Requests that a stopped worker of a user engine submitted behind its deadline. */
  readonly #throughGap = new Set<string>();
  /** Of which a person said that nothing runs any more, where nothing else could stop it (F11). */
  readonly #stated = new Set<string>();

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  frozen(node: string): void {
    this.#frozen.add(node);
  }
  overridden(session: string): void {
    this.#overridden.add(session);
  }
  lostPower(device: string): void {
    this.#lostPower.add(device);
  }
  stated(session: string): void {
    this.#stated.add(session);
  }
  throughGap(session: string): void {
    this.#throughGap.add(session);
  }

  /** A reservation lets everybody read: only its own clock ends the reads of a machine, and that one stood still (decision record 12). */
  findForRead(of: { session: string; node: string; pool: string }): string | null {
    return this.find(of) ?? (this.#frozen.has(of.node) ? 'machine paused as a whole' : null);
  }

  /** Null where nothing excuses it. */
  find({ session, node, pool }: { session: string; node: string; pool: string }): string | null {
    const facts = this.#facts.pools.get(pool);
    if (facts === undefined) return null;
    if (this.#overridden.has(session)) return 'override';
    if (this.#facts.nodes.get(node)?.path.isHonest === false && facts.fencing !== 'reservation')
      return 'untrue drain bound';
    if (facts.fencing === 'reservation') {
      const isForgetful = facts.devices.some(({ name, isPersistent }) => !isPersistent && this.#lostPower.has(name));
      return isForgetful ? 'reservation lost with the target’s power' : null;
    }
    if (this.#frozen.has(node)) return 'machine paused as a whole';
    const isRiskTaken = facts.isBestEffortTakeover || this.#stated.has(session);
    if (facts.tier === 'best-effort' && isRiskTaken && this.#throughGap.has(session)) return 'best-effort gap';
    return null;
  }
}
