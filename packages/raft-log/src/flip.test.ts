import { expect, test } from '@jest/globals';
import type { VirtualDisk } from '@holdfast/base/internal';
import type { Group } from './group.ts';
import { recover, type Recovered } from './recovery.ts';
import { directory, makeEveryKind, readAllOf } from './testing.ts';

const chunkPath = `${directory}/0000000000000001.chunk`;
const lastPath = `${directory}/0000000000000003.chunk`;

interface Told {
  readonly groups: ReadonlyMap<number, Group>;
  /** Entries by "group/index=content". */
  readonly contents: ReadonlySet<string>;
}

function tell(recovered: Recovered | null, disk: VirtualDisk): Told {
  const groups = recovered?.groups ?? new Map<number, Group>();
  return { groups, contents: new Set(readAllOf(disk.files, groups)) };
}

/** Why what was found is not an honest account of what was there; null if it is. */
function dishonesty(recovered: Recovered | null, disk: VirtualDisk, original: Told): string | null {
  const found = tell(recovered, disk);
  const isReported = (recovered?.report.damages.length ?? 0) > 0 || [...found.contents].some(isFaulty);
  for (const [id, group] of original.groups) {
    const reason = groupDishonesty(found.groups.get(id) ?? null, group);
    if (reason !== null) return `group ${id}: ${reason}`;
  }
  for (const id of found.groups.keys()) if (!original.groups.has(id)) return `group ${id} is invented`;
  for (const text of found.contents) if (!isFaulty(text) && !original.contents.has(text)) return `${text} is invented`;
  const isSame = [...original.contents].every((text) => found.contents.has(text));
  return isSame || isReported ? null : 'an entry is lost and nothing is reported';
}

function isFaulty(text: string): boolean {
  return text.endsWith('=faulty');
}

function groupDishonesty(found: Group | null, original: Group): string | null {
  if (found === null) return 'it is gone';
  const { durable } = found;
  const before = original.durable;
  const isSuspect = durable.ambiguity !== null;
  if (!isSuspect && (durable.term !== before.term || durable.vote !== before.vote)) return 'its vote is another';
  if (!isSuspect && durable.lastIndex !== before.lastIndex) return `it ends at ${durable.lastIndex}`;
  if (!isSuspect && durable.purgedIndex !== before.purgedIndex) return `it begins behind ${durable.purgedIndex}`;
  const isDataLost = durable.isUserDataLost || isSuspect;
  if (!isDataLost && Buffer.compare(durable.userData, before.userData) !== 0) return 'its user data are others';
  return null;
}

/**
 * Of all bits of a file every so many is turned, in a step that meets each bit of a byte alike; 1 turns every bit, which
 * takes minutes.
 */
const stride = Number(process.env['HOLDFAST_FLIP_STRIDE'] ?? 41);

test.each([
  ['a log that was closed', true, chunkPath],
  ['a log that was closed', true, lastPath],
  ['a log that ended by a crash', false, lastPath],
])('no flipped bit of %s (closed: %p) in %s invents a record or hides a loss', (_what, isClosed, path) => {
  const disk = makeEveryKind(isClosed);
  const open = (): Recovered | null =>
    recover({ files: disk.files, directory, mode: 'tolerate-tail', isReadOnly: false });
  const original = tell(open(), disk);
  expect([...original.contents].filter(isFaulty)).toEqual([]);
  const bits = (disk.files.stat(path)?.sizeBytes ?? 0) * 8;
  let flips = 0;
  for (let at = 0; at < bits; at += stride) {
    const [position, bit] = [Math.floor(at / 8), at % 8];
    disk.rot(path, position, bit);
    const reason = dishonesty(open(), disk, original);
    if (reason !== null) throw new Error(`bit ${bit} of byte ${position}: ${reason}`);
    disk.rot(path, position, bit);
    flips++;
  }
  expect(flips).toBe(Math.ceil(bits / stride));
  expect(dishonesty(open(), disk, original)).toBeNull();
});
