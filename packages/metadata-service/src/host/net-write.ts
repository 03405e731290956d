// Several writes of the core made into one that leaves the log as all of them would. A leaf. While a write is on its way to the
// disk, those that follow become one this way, so that a disk that is slow, or full, meets one write with what is left of all
// of them: entries that were appended and cut off again never reach it, and a vote does not wait behind entries without room.
import type { LogIndex } from '@holdfast/base';
import type { Entry, SnapshotMark, StorageWrite } from '@holdfast/raft';

interface Net {
  vote: StorageWrite['vote'];
  snapshot: SnapshotMark | null;
  truncateAfter: LogIndex | null;
  entries: Entry[];
  repairs: Entry[];
  commit: LogIndex | null;
  purgeTo: LogIndex | null;
  isSettled: boolean;
}

/** At least one write, in the order of their tickets. */
export function netOf(writes: readonly [StorageWrite, ...StorageWrite[]]): StorageWrite {
  const [only] = writes;
  if (writes.length === 1) return only;
  const net: Net = { ...only, entries: [...only.entries], repairs: [...only.repairs] };
  let { ticket } = only;
  for (const write of writes.slice(1)) {
    ticket = write.ticket;
    add(net, write);
  }
  return { ...net, ticket };
}

function add(net: Net, write: StorageWrite): void {
  net.vote = write.vote ?? net.vote;
  if (write.snapshot !== null) {
    net.snapshot = write.snapshot;
    net.truncateAfter = null;
    net.entries = [];
    net.repairs = [];
    net.purgeTo = null;
  }
  if (write.truncateAfter !== null) cut(net, write.truncateAfter);
  net.entries.push(...write.entries);
  net.repairs.push(...write.repairs);
  net.commit = write.commit ?? net.commit;
  net.purgeTo = write.purgeTo ?? net.purgeTo;
  net.isSettled ||= write.isSettled;
}

function cut(net: Net, after: LogIndex): void {
  const begin = beginOf(net);
  net.repairs = net.repairs.filter(({ index }) => index <= after);
  if (begin !== null && after >= begin) {
    // The cut is among what these writes brought: the log as it was before them is not touched again.
    net.entries.splice(after - begin);
    return;
  }
  net.entries = [];
  net.truncateAfter = net.truncateAfter === null || after < net.truncateAfter ? after : net.truncateAfter;
}

/** Behind which index these writes' own entries begin; null if they only cut. */
function beginOf({ entries, snapshot }: Net): number | null {
  const [first] = entries;
  return first === undefined ? (snapshot?.index ?? null) : first.index - 1;
}
