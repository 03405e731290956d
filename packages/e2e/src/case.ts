// A case of the process suites: a cluster of its own, made for the case and gone after it. If it fails, everything that its
// processes wrote is kept in one folder, named after the case.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from '@jest/globals';
import { ProcessCluster } from '@holdfast/holdfast/internal';
import { artefactsVariable } from './suites.ts';

export function clusterCase(name: string, body: (cluster: ProcessCluster) => Promise<void>): void {
  test(name, async () => {
    const cluster = await ProcessCluster.create();
    try {
      await body(cluster);
    } catch (error) {
      await keepArtefacts(name, cluster, error);
      throw error;
    } finally {
      await cluster.close();
    }
  });
}

async function keepArtefacts(name: string, cluster: ProcessCluster, error: unknown): Promise<void> {
  const parent = process.env[artefactsVariable];
  if (parent === undefined) return;
  const folder = join(parent, name.replaceAll(/[^a-z0-9]+/gi, '-').slice(0, 80));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'failure.txt'), String(error instanceof Error ? error.stack : error));
  for (const [index, output] of cluster.outputs.entries())
    await writeFile(join(folder, `process-${index + 1}.log`), output);
}
