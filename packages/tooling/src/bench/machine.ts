// The machine that figures were taken on: a figure without it says nothing.
import { availableParallelism, cpus, release, totalmem } from 'node:os';

const bytesPerGib = 2 ** 30;

export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const memoryGib = Math.round(totalmem() / bytesPerGib);
  return `${availableParallelism()} × ${model}, ${memoryGib} GiB, Linux ${release()}, Node ${process.version}`;
}
