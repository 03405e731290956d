// How long a person waits for the version, asked from the built image: a start of Node and next to nothing else.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Bench } from '../bench/contract.ts';
import { median } from '../bench/statistics.ts';
import { root } from '../root.ts';

const rounds = 9;

const bench: Bench = {
  name: 'foundation',
  run(report) {
    execFileSync('make', ['image'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    const samplesMs = Array.from({ length: rounds }, () => {
      const started = performance.now();
      execFileSync(join(root, 'build/image/usr/bin/holdfast'), ['--version'], { stdio: 'ignore' });
      return performance.now() - started;
    });
    report.figure('version-from-image', median(samplesMs), 'ms', { atMost: 150 });
  },
};
export default bench;
