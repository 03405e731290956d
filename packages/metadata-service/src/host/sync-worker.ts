// The thread of syncs (file-syncer.ts): one for each path that comes, and an answer to each. Null ends it.
import { parentPort } from 'node:worker_threads';
import { isOpError, RealFiles } from '@holdfast/base';
import type { SyncOutcome } from './file-syncer.ts';

const files = new RealFiles();

function sync(path: string): SyncOutcome {
  try {
    const file = files.open(path, 'write');
    try {
      file.fdatasync();
    } finally {
      file.close();
    }
    return { errno: null };
  } catch (error) {
    if (!isOpError(error)) throw error;
    return { errno: error.details['errno'] ?? error.code };
  }
}

parentPort?.on('message', (path: string | null) => {
  if (path === null) parentPort?.close();
  else parentPort?.postMessage(sync(path));
});
