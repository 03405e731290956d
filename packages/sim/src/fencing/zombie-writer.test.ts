import { expect, test } from '@jest/globals';
import { runSeed } from '../world/run-seed.ts';
import type { Fault, Scenario } from '../world/scenario.ts';
import { fencingModelScenario } from './fencing-scenario.ts';
import { FencingRun } from './fencing-run.ts';
import { toPlain, type FencingShape } from './shape.ts';
import type { Fencing, Tier } from './metadata/state.ts';

// The signature test of the fencing page: a writer is stopped, another node takes over, the first one goes on.

function shapeWith(fencing: Fencing, tier: Tier): FencingShape {
  const nodes = ['n1', 'n2', 'n3', 'n4'];
  const pool = { name: 'p1', fencing, isBestEffortTakeover: true, devices: 2, extents: 48 };
  return {
    ...{
      members: 3,
      nodes,
      tier,
      drainMs: 500,
      slowOdds: 400,
      fencesPerHourMax: 5,
      thinkMs: 15,
      graceMs: null,
      driftPpm: [0, 0, 0, 0],
    },
    pools: [{ ...pool, hasAbort: true, isPersistent: true, tellsPreempted: true }],
    volumes: [{ name: 'v1', pool: 'p1', mode: 'write', extents: 4, nodes: ['n1'] }],
  };
}

const stops: Readonly<Record<string, readonly Fault[]>> = {
  gap: [stop('gap', 0, { gapMs: 12_000 }), stop('cut-node', 11_500, { way: 'both' })],
  engine: [stop('stop-engine', 12_000, {}), stop('cut-node', 12_000, { way: 'both' })],
  agent: [stop('stop-agent', 12_000, {})],
  network: [stop('cut-node', 12_000, { way: 'from' })],
  power: [stop('power', 9_000, {})],
  machine: [stop('freeze', 12_000, {})],
};

function stop(kind: string, durationMs: number, parameters: Fault['parameters']): Fault {
  return { kind, atMs: 10_000, durationMs, target: 'n1', parameters };
}

interface Cell {
  readonly shown: ReadonlySet<string>;
  readonly findings: readonly string[];
  readonly takeovers: number;
}

const seedsOfCell = 2;

async function runCell(fencing: Fencing, tier: Tier, stopped: string): Promise<Cell> {
  const shown = new Set<string>();
  const findings: string[] = [];
  let takeovers = 0;
  const operations = [{ atMs: 10_300, client: 'controller', kind: 'take-for-dead', parameters: { node: 'n1' } }];
  for (let seed = 1; seed <= seedsOfCell; seed++) {
    const runs: FencingRun[] = [];
    const scenario: Scenario = {
      ...fencingModelScenario,
      draw: () => ({ shape: toPlain(shapeWith(fencing, tier)), faults: stops[stopped] ?? [], operations }),
      begin: async (world, plan) => {
        const begun = await fencingModelScenario.begin(world, plan);
        if (begun instanceof FencingRun) runs.push(begun);
        return begun;
      },
    };
    const { finding } = await runSeed({ seed, scenario });
    if (finding !== null) findings.push(`${seed}: ${finding.rule} ${finding.text}`);
    for (const run of runs) {
      for (const reason of run.shown.keys()) shown.add(reason);
      if ((run.state.volumes['v1']?.epoch ?? 0) > 1) takeovers++;
    }
  }
  return { shown, findings, takeovers };
}

const cells: readonly [Fencing, Tier, string, string | null][] = [
  ['reservation', 'best-effort', 'gap', null],
  ['lease', 'kernel', 'gap', null],
  ['lease', 'watchdog', 'gap', null],
  ['lease', 'best-effort', 'gap', 'best-effort gap'],
  ['reservation', 'best-effort', 'machine', null],
  ['lease', 'kernel', 'machine', 'machine paused as a whole'],
  ['reservation', 'best-effort', 'engine', null],
  ['lease', 'best-effort', 'engine', null],
  ['lease', 'best-effort', 'agent', null],
  ['lease', 'kernel', 'network', null],
  ['reservation', 'kernel', 'power', null],
];

test.each(cells)(
  'a takeover from a writer (pool: %s, tier: %s) that was stopped by: %s, shows a late write: %s',
  async (fencing, tier, stopped, reason) => {
    const { shown, findings, takeovers } = await runCell(fencing, tier, stopped);
    expect(findings).toEqual([]);
    expect(takeovers).toBe(seedsOfCell);
    expect([...shown]).toEqual(reason === null ? [] : [reason]);
  },
  120_000,
);
