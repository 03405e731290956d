import { expect, test } from '@jest/globals';
import { runSeed } from '../world/run-seed.ts';
import type { Fault, Scenario } from '../world/scenario.ts';
import { fencingModelScenario } from './fencing-scenario.ts';
import { toPlain, type FencingShape } from './shape.ts';

// A device that loses its power tells each port once. The request that is told may be one whose engine is gone.

const shape: FencingShape = {
  ...{ members: 3, nodes: ['n1', 'n2'], tier: 'best-effort', drainMs: 2_000, slowOdds: 400, fencesPerHourMax: 5 },
  ...{ thinkMs: 15, graceMs: null, driftPpm: [0, 0] },
  pools: [
    {
      ...{ name: 'p1', fencing: 'lease', isBestEffortTakeover: true, devices: 1, extents: 48 },
      ...{ hasAbort: true, isPersistent: true, tellsPreempted: true },
    },
  ],
  volumes: [{ name: 'v1', pool: 'p1', mode: 'write', extents: 4, nodes: ['n1'] }],
};

const device = 0;
const heldMs = 600;
const gapMs = 1_000;

/** What the engine asked for is on its way when it is killed, and gets to the device when that has lost its cache. */
function faultsFrom(atMs: number): Fault[] {
  const at = { target: 'n1', durationMs: 0, parameters: {} };
  return [
    { ...at, kind: 'hold-path', atMs, durationMs: heldMs, parameters: { device, isHonest: true, whose: 'own' } },
    { ...at, kind: 'kill-engine', atMs: atMs + 100 },
    { ...at, kind: 'target-power', atMs: atMs + 200, parameters: { device } },
  ];
}

/** The agent is killed as it says of the volume that it closed what the device has lost; a worker holds up the close until then. */
function faultsInClosing(atMs: number): Fault[] {
  const at = { target: 'n1', durationMs: 0, parameters: {} };
  return [
    { ...at, kind: 'gap', atMs, durationMs: gapMs, parameters: { gapMs } },
    { ...at, kind: 'target-power', atMs: atMs + 200, parameters: { device } },
    { ...at, kind: 'kill-agent', atMs: atMs + gapMs - 20, parameters: { isInCall: true } },
  ];
}

async function findingsOf(faults: readonly Fault[]): Promise<string[]> {
  const draw: Scenario['draw'] = () => ({ shape: toPlain(shape), faults, operations: [] });
  const findings: string[] = [];
  for (let seed = 1; seed <= 5; seed++) {
    const { finding } = await runSeed({ seed, scenario: { ...fencingModelScenario, draw } });
    if (finding !== null) findings.push(`${seed}: ${finding.rule} ${finding.text}`);
  }
  return findings;
}

test('a successor hears that the device lost its power, although a request of the engine before it was told', async () => {
  expect(await findingsOf([10_000, 20_000, 30_000].flatMap(faultsFrom))).toEqual([]);
}, 120_000);

test('what was closed for a loss of power is not opened again in its epoch, although the agent died as it closed it', async () => {
  expect(await findingsOf([10_000, 20_000, 30_000].flatMap(faultsInClosing))).toEqual([]);
}, 120_000);
