// Who the member in a directory is, in two copies, each of which is enough. It is written once, when everything else that the
// member begins with is durable, so its presence also says that there was a log: a directory without it holds no
// member, and one with it never begins anew. A disk that was lost must not come back as an empty member that votes: two of
// those could elect a leader that knows nothing of what was acknowledged.
import { crc32 } from 'node:zlib';
import { join } from 'node:path';
import { isOpError, OpError, readContent, replaceContent, type Files } from '@holdfast/base';
import type { Configuration, GroupId, MemberId } from '@holdfast/raft';

export interface MemberIdentity {
  readonly cluster: string;
  readonly member: MemberId;
  readonly groups: readonly {
    readonly group: GroupId;
    /** The members that the group began with; null for a member that was added later. */
    readonly founders: Configuration | null;
  }[];
}

const names = ['identity', 'identity.copy'] as const;
const limitBytes = 1024 * 1024;
const checksumChars = 8;

/** Null if there is none; throws RAFT_IDENTITY_DAMAGED if there are only damaged ones. */
export function readIdentity(files: Files, directory: string): MemberIdentity | null {
  let isDamaged = false;
  for (const name of names) {
    const content = readCopy(files, join(directory, name));
    if (content === null) continue;
    const identity = decode(content);
    if (identity !== null) return identity;
    isDamaged = true;
  }
  if (isDamaged) throw new OpError('RAFT_IDENTITY_DAMAGED', { directory });
  return null;
}

export function writeIdentity(files: Files, directory: string, identity: MemberIdentity): void {
  for (const name of names) replaceContent(files, join(directory, name), encode(identity));
}

/** A copy that cannot be read at all is as good as one that does not verify, for there is another. */
function readCopy(files: Files, path: string): Uint8Array | null {
  try {
    return readContent(files, path, limitBytes);
  } catch (error) {
    if (!isOpError(error)) throw error;
    return new Uint8Array();
  }
}

/** One line of JSON, and one of its checksum. */
function encode(identity: MemberIdentity): Uint8Array {
  const line = Buffer.from(`${JSON.stringify(identity)}\n`);
  return Buffer.concat([line, Buffer.from(`${checksumOf(line)}\n`)]);
}

function decode(content: Uint8Array): MemberIdentity | null {
  const bytes = Buffer.from(content);
  const line = bytes.subarray(0, Math.max(0, bytes.length - checksumChars - 1));
  const checksum = bytes.subarray(line.length).toString('latin1');
  if (checksum !== `${checksumOf(line)}\n`) return null;
  return JSON.parse(line.toString()) as MemberIdentity;
}

function checksumOf(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(checksumChars, '0');
}
