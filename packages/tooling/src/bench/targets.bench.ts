// How long a developer waits for the two targets that are typed most, when there is nothing to fetch and caches are warm.
// Each runs once before it is measured, so that a cold cache is not what is told.
import { spawnSync } from 'node:child_process';
import { root } from '../root.ts';
import type { Bench } from './contract.ts';

function timeTargetS(target: string): number {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync('make', [target], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`make ${target} ended with exit code ${status ?? 'none'}:\n${stdout}${stderr}`);
  return (performance.now() - started) / 1000;
}

const bench: Bench = {
  name: 'foundation',
  run(report) {
    timeTargetS('check');
    report.figure('make-check-warm', timeTargetS('check'), 's', { atMost: 60 });
    report.figure('make-test-warm', timeTargetS('test'), 's', { atMost: 120 });
  },
};
export default bench;
