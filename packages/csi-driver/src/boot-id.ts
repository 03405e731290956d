// The boot id of the node: the half of a session's identity that a reboot changes.
import { readFile } from 'node:fs/promises';
import { isOpError, messageOf, OpError, systemErrorCode, toBootId, type BootId } from '@holdfast/base';

export async function readBootId(path: string): Promise<BootId> {
  try {
    return toBootId((await readFile(path, 'utf8')).trim());
  } catch (error) {
    const reason = isOpError(error) ? error.message : (reasons[systemErrorCode(error) ?? ''] ?? messageOf(error));
    throw new OpError('BOOT_ID_UNREADABLE', { path, reason }, { cause: error });
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder',
  ENOENT: 'it is not there',
};
