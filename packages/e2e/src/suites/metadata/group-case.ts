// A case on three metadata servers of its own.
import { expect } from '@jest/globals';
import type { ProcessCluster } from '@holdfast/holdfast/internal';
import { clusterCase } from '../../case.ts';
import { MetadataGroup } from './metadata-group.ts';
import type { VolumeLoad } from './volume-load.ts';

/** Servers are made, ended and made again, on a machine that may do much else. */
const limitMs = 10 * 60_000;

export function groupCase(name: string, body: (group: MetadataGroup, cluster: ProcessCluster) => Promise<void>): void {
  const onGroup = async (cluster: ProcessCluster): Promise<void> => {
    const group = await MetadataGroup.ofThree(cluster);
    try {
      await body(group, cluster);
    } finally {
      await group.close();
    }
  };
  clusterCase(name, onGroup, limitMs);
}

/** Everything that was acknowledged is there once, under the id that was told; what was not may be there or not. */
export async function expectKept(load: VolumeLoad): Promise<void> {
  const listed = await load.listed();
  const lost = [...load.acknowledged].filter(([name, id]) => listed.get(id) !== name);
  expect(lost).toEqual([]);
  expect(new Set(listed.values()).size).toBe(listed.size);
}
