// The thread that scrubs one chunk and ends. It pauses between reads, so that the disk is everybody else's.
import { parentPort, workerData } from 'node:worker_threads';
import { RealFiles } from '@holdfast/base';
import { scrubChunk, type ScrubTask } from './scrub.ts';

const nothing = new Int32Array(new SharedArrayBuffer(4));
const damages = scrubChunk(new RealFiles(), workerData as ScrubTask, (pauseMs) => {
  Atomics.wait(nothing, 0, 0, pauseMs);
});
parentPort?.postMessage(damages);
