// The thread of checkpoints (checkpointer.ts): one for each message, and an answer to each. It ends when its port is closed.
import { workerData } from 'node:worker_threads';
import { isOpError, messageOf } from '@holdfast/base';
import type { CheckpointOutcome, CheckpointWorkerSetup } from './checkpointer.ts';
import { checkpointFile } from './database.ts';

const { path, port, answers } = workerData as CheckpointWorkerSetup;
const words = new Int32Array(answers);

function outcome(): CheckpointOutcome {
  try {
    return { isOk: true, frames: checkpointFile(path) };
  } catch (error) {
    if (!isOpError(error)) return { isOk: false, isDiskFull: false, reason: messageOf(error) };
    const isDiskFull = error.code === 'STATE_DISK_FULL';
    return { isOk: false, isDiskFull, reason: error.details['reason'] ?? error.message };
  }
}

port.on('message', () => {
  port.postMessage(outcome());
  Atomics.add(words, 0, 1);
  Atomics.notify(words, 0);
});
