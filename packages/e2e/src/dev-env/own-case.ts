// A case about clusters that it starts by itself. If it fails, what each of them looked like is kept, if it still stands.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { messageOf } from '@holdfast/base';
import { openArtefacts } from '../artefacts.ts';
import { keepKubeArtefacts } from '../kube/kube-artefacts.ts';
import type { OwnCluster } from './own-cluster.ts';
import { kinds, tracesOf } from './traces.ts';

export function ownCase(
  name: string,
  clusters: readonly OwnCluster[],
  body: () => Promise<void>,
  limitMs = 120_000,
): void {
  test(
    name,
    async () => {
      try {
        await body();
      } catch (error) {
        const folder = await openArtefacts(name, error);
        if (folder !== null) for (const cluster of clusters) await keep(join(folder, cluster.name), cluster);
        throw error;
      }
    },
    limitMs,
  );
}

async function keep(folder: string, cluster: OwnCluster): Promise<void> {
  try {
    await keepKubeArtefacts({ folder, stateFolder: cluster.stateFolder, environment: await cluster.environment() });
  } catch (error) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'not-there.txt'), `${messageOf(error)}\n`);
  }
}

export function expectNoTraces(cluster: string): void {
  expect(tracesOf(cluster)).toEqual(Object.fromEntries(kinds.map((kind) => [kind, []])));
}
