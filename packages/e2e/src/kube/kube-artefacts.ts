// What a cluster looked like when something failed, in one folder: objects, Events, descriptions, pods' logs, and the logs of
// kubelets, containerds and the control plane. Nothing here fails or waits for long: a part that cannot be had says why.
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@holdfast/base';
import { run } from './command.ts';
import type { Pod } from './objects.ts';

export interface KubeArtefacts {
  readonly folder: string;
  /** Where dev-env keeps the cluster. */
  readonly stateFolder: string;
  /** Lets kubectl speak to the cluster; the process of a case has it already. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A node that is frozen or cut answers nothing. */
const askLimitMs = 15_000;
const shown = 'nodes,csinodes,csidrivers,pods,daemonsets,deployments,leases,pvc,pv,storageclasses,volumeattachments';
const described = 'nodes,csinodes,pods,daemonsets,deployments,pvc';

export async function keepKubeArtefacts({ folder, stateFolder, environment = {} }: KubeArtefacts): Promise<void> {
  await mkdir(join(folder, 'pods'), { recursive: true });
  const ask = (words: readonly string[]): Promise<string> =>
    run(['kubectl', '--request-timeout=10s', ...words], { limitMs: askLimitMs, environment });
  const keep = async (name: string, words: readonly string[]): Promise<void> => {
    await writeFile(join(folder, name), await ask(words).catch(messageOf));
  };
  await Promise.all([
    keep('objects.txt', ['get', shown, '--all-namespaces', '--output=wide']),
    keep('events.txt', ['get', 'events', '--all-namespaces', '--sort-by=.metadata.creationTimestamp']),
    keep('describe.txt', ['describe', described, '--all-namespaces']),
    keepSystemLogs(join(folder, 'system'), stateFolder),
  ]);
  const pods = await ask(['get', '--raw', '/api/v1/pods']).catch(() => '{"items":[]}');
  for (const pod of (JSON.parse(pods) as { readonly items: readonly Pod[] }).items)
    for (const [name, words] of logsOf(pod)) await keep(join('pods', name), words);
}

/** File and kubectl's words for each container of a pod, and for the run before its last restart. */
function logsOf({ metadata, spec, status }: Pod): readonly (readonly [string, readonly string[]])[] {
  const { namespace = '', name } = metadata;
  const restarted = status.containerStatuses?.filter(({ restartCount }) => restartCount > 0) ?? [];
  const logs = (container: string): readonly string[] => [
    ...['logs', name, `--namespace=${namespace}`, `--container=${container}`, '--timestamps'],
  ];
  return [
    ...spec.containers.map(
      (container) => [`${namespace}.${name}.${container.name}.log`, logs(container.name)] as const,
    ),
    ...restarted.map(
      (container) =>
        [`${namespace}.${name}.${container.name}.previous.log`, [...logs(container.name), '--previous']] as const,
    ),
  ];
}

/** From where dev-env keeps them, so also of a node that is off, and when the API server is not there. */
async function keepSystemLogs(folder: string, stateFolder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const nodes = await readdir(join(stateFolder, 'nodes')).catch(() => []);
  const sources: readonly (readonly [string, string])[] = [
    ['control-plane', join(stateFolder, 'log')],
    ...nodes.map((node) => [node, join(stateFolder, 'nodes', node, 'log')] as const),
  ];
  for (const [owner, from] of sources) {
    const names = await readdir(from).catch(() => []);
    for (const name of names.filter((entry) => entry.endsWith('.log') && entry !== 'audit.log'))
      await copyFile(join(from, name), join(folder, `${owner}.${name}`));
  }
}
