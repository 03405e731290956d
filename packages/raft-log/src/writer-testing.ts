// A process that appends to a log for as long as it lives and tells its parent what was acknowledged: worker.test.ts kills it.
import { invariant, kib, RealClock, RealRandom, RealTimers } from '@holdfast/base';
import { RaftLog } from './raft-log.ts';

const [directory] = process.argv.slice(2);
invariant(directory !== undefined, 'usage: writer-testing.ts DIRECTORY');
const log = await RaftLog.open({
  directory,
  clock: new RealClock(),
  timers: new RealTimers(),
  random: new RealRandom(),
  limits: { chunkBytes: 256 * kib, prepareBytes: 64 * kib },
});
await log.createGroup(1);
await log.saveVote(1, { term: 1, vote: null });
for (let index = 1; process.connected; index++) {
  await log.append(1, [{ index, term: 1, payload: Buffer.from(`entry ${index}`) }]);
  process.send?.(index);
}
await log.close();
