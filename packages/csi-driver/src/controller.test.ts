import { describe, expect, test } from '@jest/globals';
import { OpError } from '@holdfast/base';
import type { csi } from '@holdfast/rpc';
import { controllerHandlers } from './controller.ts';

const handlers = controllerHandlers();
const mount = (mode: csi.VolumeCapabilityAccessModeMode, fsType = ''): csi.VolumeCapability => ({
  accessMode: { mode },
  accessType: { kind: 'mount', value: { fsType, mountFlags: [], volumeMountGroup: '' } },
});
const block = (mode: csi.VolumeCapabilityAccessModeMode): csi.VolumeCapability => ({
  accessMode: { mode },
  accessType: { kind: 'block', value: {} },
});
const goodRequest: csi.CreateVolumeRequest = {
  name: 'pvc-1',
  capacityRange: { requiredBytes: 1n << 30n, limitBytes: 0n },
  volumeCapabilities: [mount('SINGLE_NODE_WRITER')],
  parameters: {},
  secrets: {},
  volumeContentSource: null,
  accessibilityRequirements: null,
  mutableParameters: {},
};

async function failureOf(outcome: unknown): Promise<OpError> {
  const error: unknown = await Promise.resolve(outcome).then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof OpError)) throw error;
  return error;
}
const create = async (change: Partial<csi.CreateVolumeRequest>): Promise<OpError> =>
  failureOf(handlers.createVolume?.({ ...goodRequest, ...change }, null as never));

describe('CreateVolume', () => {
  test.each<[string, Partial<csi.CreateVolumeRequest>]>([
    ['for a mount', {}],
    ['without a size', { capacityRange: null }],
    ['of an exact size', { capacityRange: { requiredBytes: 5n, limitBytes: 5n } }],
    ['of at most a size', { capacityRange: { requiredBytes: 0n, limitBytes: 5n } }],
    ['with the longest name', { name: 'x'.repeat(128) }],
    ['with a name of any script and white space', { name: 'ein Bänd\t1\n' }],
    [
      'for a block device and for readers on many nodes',
      { volumeCapabilities: [block('SINGLE_NODE_MULTI_WRITER'), block('MULTI_NODE_READER_ONLY')] },
    ],
    [
      'for ext4 and xfs',
      { volumeCapabilities: [mount('SINGLE_NODE_WRITER', 'ext4'), mount('SINGLE_NODE_SINGLE_WRITER', 'xfs')] },
    ],
  ])('%s is right, and refused for want of a pool in one line with code and hint', async (_what, change) => {
    const error = await create(change);
    expect([error.code, error.kind]).toEqual(['NO_POOL', 'precondition']);
    expect(error.line).toMatch(/^the volume .+ has no place: there is no pool yet \[NO_POOL\]\. [A-Z].+\.$/s);
  });

  test.each<[string, string, Partial<csi.CreateVolumeRequest>]>([
    ['name', 'it is empty', { name: '' }],
    ['name', 'it has 129 bytes', { name: 'x'.repeat(129) }],
    ['name', 'it has 130 bytes', { name: 'ü'.repeat(65) }],
    ['name', 'a control character', { name: 'a\u0007' }],
    ['name', 'a control character', { name: 'a\u0085' }],
    ['volume_capabilities', 'there is none', { volumeCapabilities: [] }],
    ['volume_capabilities', 'no access mode', { volumeCapabilities: [{ ...mount('UNKNOWN'), accessMode: null }] }],
    ['volume_capabilities', 'no access mode', { volumeCapabilities: [mount('UNKNOWN')] }],
    [
      'volume_capabilities',
      'neither for a block device nor',
      { volumeCapabilities: [{ ...mount('SINGLE_NODE_WRITER'), accessType: null }] },
    ],
    [
      'volume_capabilities',
      'MULTI_NODE_MULTI_WRITER',
      { volumeCapabilities: [mount('SINGLE_NODE_WRITER'), mount('MULTI_NODE_MULTI_WRITER')] },
    ],
    ['volume_capabilities', 'MULTI_NODE_SINGLE_WRITER', { volumeCapabilities: [block('MULTI_NODE_SINGLE_WRITER')] }],
    ['volume_capabilities', '99', { volumeCapabilities: [block(99)] }],
    [
      'volume_capabilities',
      '"btrfs" is none of ext4, xfs',
      { volumeCapabilities: [mount('SINGLE_NODE_WRITER', 'btrfs')] },
    ],
    [
      'volume_content_source',
      'no snapshot or volume',
      { volumeContentSource: { type: { kind: 'snapshot', value: { snapshotId: 's' } } } },
    ],
  ])('with a wrong %s is refused as invalid: %s', async (field, reason, change) => {
    const error = await create(change);
    expect([error.code, error.kind, error.details['field']]).toEqual(['VOLUME_REQUEST_WRONG', 'invalid', field]);
    expect(error.message).toContain(reason);
  });

  test.each([
    ['negative', { requiredBytes: -1n, limitBytes: 0n }],
    ['negative', { requiredBytes: 0n, limitBytes: -1n }],
    ['neither', { requiredBytes: 0n, limitBytes: 0n }],
    ['exclude each other', { requiredBytes: 6n, limitBytes: 5n }],
  ])('of a size that cannot be (%s) is out of range', async (reason, capacityRange) => {
    const error = await create({ capacityRange });
    expect([error.code, error.kind]).toEqual(['VOLUME_SIZE_WRONG', 'out-of-range']);
    expect(error.message).toContain(reason);
  });
});

test('DeleteVolume of what is not there succeeds, and needs an id', async () => {
  expect(await handlers.deleteVolume?.({ volumeId: 'gone', secrets: {} }, null as never)).toEqual({});
  const error = await failureOf(handlers.deleteVolume?.({ volumeId: '', secrets: {} }, null as never));
  expect(error.code).toBe('VOLUME_REQUEST_WRONG');
});

test('ValidateVolumeCapabilities finds no volume, and needs an id and a capability', async () => {
  const ask = async (volumeId: string, volumeCapabilities: readonly csi.VolumeCapability[]): Promise<string> => {
    const request = {
      volumeId,
      volumeCapabilities,
      volumeContext: {},
      parameters: {},
      secrets: {},
      mutableParameters: {},
    };
    return (await failureOf(handlers.validateVolumeCapabilities?.(request, null as never))).code;
  };
  expect(await ask('gone', [mount('SINGLE_NODE_WRITER')])).toBe('VOLUME_NOT_FOUND');
  expect(await ask('', [mount('SINGLE_NODE_WRITER')])).toBe('VOLUME_REQUEST_WRONG');
  expect(await ask('gone', [])).toBe('VOLUME_REQUEST_WRONG');
});
