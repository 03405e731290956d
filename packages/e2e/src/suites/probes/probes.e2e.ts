// The facts about pods and processes that the design leans on (docs/explanation/pods-and-processes.md), by packages/e2e/probes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const limitMs = 15 * 60_000;
/** For the script to take its cluster down after it was told to end. */
const graceMs = 60_000;

test.each([
  ['what of a mount, a loop device and I/O outlives processes, containers, pods and daemons', 'lifetimes'],
  ['in which order a surging DaemonSet replaces a pod, and what a handover costs', 'surge'],
  ['what Kubernetes waits for when a node is killed', 'death'],
])(
  '%s',
  async (_, part) => {
    const script = join(import.meta.dirname, '../../../probes/run.sh');
    const child = spawn(script, [part], { stdio: ['ignore', 2, 2], timeout: limitMs });
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code).toBe(0);
  },
  limitMs + graceMs,
);
