// A case of the process suites: a cluster of its own, made for the case and gone after it. If it fails, everything that its
// processes wrote is kept in one folder, named after the case.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from '@jest/globals';
import { ProcessCluster } from '@holdfast/holdfast/internal';
import { openArtefacts } from './artefacts.ts';

/** `limitMs` is for one that takes longer than cases do. */
export function clusterCase(
  name: string,
  body: (cluster: ProcessCluster) => Promise<void>,
  limitMs: number | null = null,
): void {
  const run = async (): Promise<void> => {
    const cluster = await ProcessCluster.create();
    try {
      await body(cluster);
    } catch (error) {
      const folder = await openArtefacts(name, error);
      if (folder !== null) await keepOutputs(folder, cluster);
      throw error;
    } finally {
      await cluster.close();
    }
  };
  if (limitMs === null) test(name, run);
  else test(name, run, limitMs);
}

async function keepOutputs(folder: string, cluster: ProcessCluster): Promise<void> {
  for (const [index, output] of cluster.outputs.entries())
    await writeFile(join(folder, `process-${index + 1}.log`), output);
}
