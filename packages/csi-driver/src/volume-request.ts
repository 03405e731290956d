// Whether a request for a volume is one that CSI allows and that this driver could ever fulfil, told before anything is done.
import { OpError } from '@holdfast/base';
import type { csi } from '@holdfast/rpc';

/** CSI's bound for any text that has none of its own. */
const textLimitBytes = 128;
/** CSI's list: control characters, tab, line feed and carriage return excepted. */
const bannedCharacters = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;
const fileSystems: readonly string[] = ['ext4', 'xfs'];
/** Those in which at most one node writes. */
const accessModes: readonly csi.VolumeCapabilityAccessModeMode[] = [
  'SINGLE_NODE_WRITER',
  'SINGLE_NODE_SINGLE_WRITER',
  'SINGLE_NODE_MULTI_WRITER',
  'SINGLE_NODE_READER_ONLY',
  'MULTI_NODE_READER_ONLY',
];

export function checkCreateVolume(request: csi.CreateVolumeRequest): void {
  const { name, capacityRange, volumeCapabilities, volumeContentSource } = request;
  if (name === '') throw wrong('name', 'it is empty');
  checkText('name', name);
  if (bannedCharacters.test(name)) throw wrong('name', 'it holds a control character');
  checkVolumeUses(volumeCapabilities);
  if (capacityRange !== null) checkCapacity(capacityRange);
  if (volumeContentSource !== null) throw wrong('volume_content_source', 'no snapshot or volume can be a source yet');
}

export function checkVolumeId(volumeId: string): void {
  if (volumeId === '') throw wrong('volume_id', 'it is empty');
  checkText('volume_id', volumeId);
}

/** The ways in which a volume is to be used: all of them must be possible. */
export function checkVolumeUses(capabilities: readonly csi.VolumeCapability[]): void {
  if (capabilities.length === 0) throw wrong('volume_capabilities', 'there is none');
  for (const { accessMode, accessType } of capabilities) {
    const mode = accessMode?.mode ?? 'UNKNOWN';
    if (mode === 'UNKNOWN') throw wrong('volume_capabilities', 'one has no access mode');
    if (!accessModes.includes(mode)) {
      throw wrong(
        'volume_capabilities',
        `access mode ${mode} is not one in which at most one node has a volume to write`,
      );
    }
    if (accessType === null) throw wrong('volume_capabilities', 'one is neither for a block device nor for a mount');
    if (accessType.kind === 'mount') checkFileSystem(accessType.value.fsType);
  }
}

function checkFileSystem(fsType: string): void {
  if (fsType === '' || fileSystems.includes(fsType)) return;
  throw wrong('volume_capabilities', `the file system ${JSON.stringify(fsType)} is none of ${fileSystems.join(', ')}`);
}

function checkCapacity({ requiredBytes, limitBytes }: csi.CapacityRange): void {
  if (requiredBytes < 0n || limitBytes < 0n) throw wrongSize('it is negative');
  if (requiredBytes === 0n && limitBytes === 0n) throw wrongSize('neither a least nor a greatest one is given');
  if (limitBytes !== 0n && limitBytes < requiredBytes) {
    throw wrongSize(`at least ${requiredBytes} bytes and at most ${limitBytes} bytes exclude each other`);
  }
}

function checkText(field: string, text: string): void {
  const length = Buffer.byteLength(text);
  if (length > textLimitBytes) throw wrong(field, `it has ${length} bytes, and ${textLimitBytes} are allowed`);
}

function wrong(field: string, reason: string): OpError {
  return new OpError('VOLUME_REQUEST_WRONG', { field, reason });
}

function wrongSize(reason: string): OpError {
  return new OpError('VOLUME_SIZE_WRONG', { reason });
}
