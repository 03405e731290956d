// Three metadata servers as `MetadataGroup` makes them, with their output in files.
import { join } from 'node:path';
import { holdfastPath, type ProcessCluster } from '@holdfast/holdfast/internal';
import { loopbackSite, MetadataGroup } from '../suites/metadata/metadata-group.ts';
import { ServerProcess } from './server-process.ts';

export async function holdfastServers(cluster: ProcessCluster): Promise<MetadataGroup<ServerProcess>> {
  const launch = (name: string, words: readonly string[]): ServerProcess => launchServer(cluster, name, words);
  return MetadataGroup.ofThree(cluster, { ...loopbackSite(cluster), launch });
}

/** `prefix` is put before the command: what runs it elsewhere. */
export function launchServer(
  cluster: ProcessCluster,
  name: string,
  words: readonly string[],
  prefix: readonly string[] = [],
): ServerProcess {
  const { revocations, folder } = cluster;
  const identity = ['--certificates', cluster.identity('metadata', name), '--revocations', revocations];
  return ServerProcess.start({
    argv: [...prefix, holdfastPath, 'metadata', ...identity, '--health-listen', 'off', ...words],
    outputPath: join(folder, `${name}.log`),
    ready: /"msg":"ready"/,
  });
}
