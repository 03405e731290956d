// One seed from its beginning to its verdict. Two phases: in the first everything goes wrong that the plan says, and what must never
// happen is watched for; then all of it is mended, and what must happen in the end is waited for, within a named time.
import { faultKinds } from '../faults/fault-kinds.ts';
import type { Fault, Plan, RunOptions, Scenario, ScenarioRun, SeedResult } from './scenario.ts';
import { RealTimers } from '@holdfast/base';
import { SeededRandom, type LinkBehaviour } from '@holdfast/base/internal';
import { convergenceLimitMs, runMs, safetyMs } from './phases.ts';
import { VirtualWorld } from './virtual-world.ts';

const lookEveryMs = 100;

/** What the seed draws for a scenario. */
export function drawPlan(scenario: Scenario, seed: number): Plan {
  return scenario.draw(new SeededRandom(`${scenario.name} ${seed}`).fork('plan'));
}

export async function runSeed(options: RunOptions): Promise<SeedResult> {
  const { scenario, seed, trace = null } = options;
  const drawn = drawPlan(scenario, seed);
  const plan: Plan = {
    shape: drawn.shape,
    faults: options.faults ?? drawn.faults,
    operations: options.operations ?? drawn.operations,
  };
  const world = new VirtualWorld({
    seed: `${scenario.name} ${seed}`,
    link: linkOf(plan),
    trace,
    describeFrame: (frame, way) => scenario.describeFrame?.(frame, way) ?? `${frame.length} bytes`,
  });
  const unwatch = world.watchRejections();
  let excuse: string | null = null;
  try {
    excuse = await new SeedRun(world, plan, await scenario.begin(world, plan)).play();
    // Node tells of rejections at the end of a turn of its event loop, and a run is one turn.
    await new Promise<void>((resolve) => void new RealTimers().after(0, resolve));
  } finally {
    unwatch();
  }
  const { finding, steps, digest } = world;
  return {
    seed,
    ok: finding === null,
    finding,
    excuse: world.excused ?? excuse,
    virtualMs: world.time.nowMs,
    steps,
    digest,
  };
}

function linkOf({ shape }: Plan): Partial<LinkBehaviour> {
  const link = shape['link'];
  return typeof link === 'object' && link !== null && !Array.isArray(link) ? (link as Partial<LinkBehaviour>) : {};
}

class SeedRun {
  readonly #world: VirtualWorld;
  readonly #plan: Plan;
  readonly #run: ScenarioRun;
  readonly #ends = new Map<Fault, () => void>();
  #isMended = false;

  constructor(world: VirtualWorld, plan: Plan, run: ScenarioRun) {
    this.#world = world;
    this.#plan = plan;
    this.#run = run;
  }

  /** Answers why the world need not have come to rest, and did not; null if it did, or is a finding. */
  async play(): Promise<string | null> {
    const world = this.#world;
    for (const operation of this.#plan.operations) {
      world.time.at(operation.atMs, () => this.#run.request(operation));
    }
    for (const fault of this.#plan.faults) world.time.at(fault.atMs, () => this.#inflict(fault));
    await world.runUntil(safetyMs);
    this.#mend();
    const excuse = await this.#converge();
    await world.runUntil(runMs);
    if (!world.isOver) this.#run.conclude();
    return excuse;
  }

  async #converge(): Promise<string | null> {
    const world = this.#world;
    const limitMs = safetyMs + convergenceLimitMs;
    while (!world.isOver && !this.#run.hasConverged()) {
      if (world.time.nowMs >= limitMs) {
        const excuse = this.#run.beyondPromise?.() ?? null;
        if (excuse === null) world.report('convergence', this.#run.whyNotConverged());
        else world.note('', 'state', 1, () => `need not come to rest: ${excuse}`);
        return excuse;
      }
      await world.runUntil(world.time.nowMs + lookEveryMs);
    }
    world.note('', 'state', 0, () => 'is at rest');
    return null;
  }

  #inflict(fault: Fault): void {
    if (this.#isMended) return;
    const end = this.#begin(fault);
    if (end === null) return;
    this.#world.note(fault.target, 'fault', fault.atMs, () => `${fault.kind} ${JSON.stringify(fault.parameters)}`);
    if (fault.durationMs === 0) return;
    this.#ends.set(fault, end);
    this.#world.time.after(fault.durationMs, () => this.#end(fault));
  }

  /** null if there is nobody whom it could hit at this moment. */
  #begin(fault: Fault): (() => void) | null {
    const own = this.#run.inflict(fault);
    if (own !== null) return own;
    const kind = faultKinds[fault.kind];
    if (kind === undefined) throw new Error(`no world knows the fault ${fault.kind}`);
    const { machines } = this.#world;
    const target =
      fault.target === '' || machines.has(fault.target) ? fault.target : this.#run.resolveRole(fault.target);
    return target === null ? null : kind.begin(this.#world, fault, target);
  }

  #end(fault: Fault): void {
    const end = this.#ends.get(fault);
    if (end === undefined) return;
    this.#ends.delete(fault);
    end();
    this.#world.note(fault.target, 'mended', fault.atMs, () => fault.kind);
  }

  #mend(): void {
    this.#isMended = true;
    for (const fault of [...this.#ends.keys()]) this.#end(fault);
    for (const machine of this.#world.machines.values()) machine.mend();
  }
}
