// What a cluster has on the machine, by its name and its folders: what is there while it is up, and nothing once it is down.
// Other clusters may come and go meanwhile. Read from /proc and /sys; needs root to see every process.
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { stateRoot } from './own-cluster.ts';

export const kinds = ['processes', 'mounts', 'links', 'cgroups', 'loop-devices', 'files'] as const;
export type TraceKind = (typeof kinds)[number];

export function tracesOf(cluster: string): Readonly<Record<TraceKind, readonly string[]>> {
  const folder = `${stateRoot}/${cluster}/`;
  return {
    processes: processesOf(cluster, folder),
    mounts: readText('/proc/self/mountinfo')
      .split('\n')
      .filter((line) => line.includes(` ${folder}`)),
    links: readdirSync('/sys/class/net').filter((name) => name === `hf-${cluster}`),
    cgroups: readdirSync('/sys/fs/cgroup')
      .map((hierarchy) => join('/sys/fs/cgroup', hierarchy, `holdfast-${cluster}`))
      .filter((path) => existsSync(path) && realpathSync(path) === path),
    'loop-devices': readdirSync('/sys/block').filter((name) =>
      readText(`/sys/block/${name}/loop/backing_file`).startsWith(folder),
    ),
    files: [folder, `/dev/holdfast/${cluster}`, `/run/lock/holdfast-dev-env-${cluster}`].filter((path) =>
      existsSync(path),
    ),
  };
}

/** Used or not: the kernel keeps a device that was made for a disk unless it is told otherwise. */
export function loopDevices(): readonly string[] {
  return readdirSync('/sys/block').filter((name) => name.startsWith('loop'));
}

/** By cgroup, by words and by what is mounted for it: one of them gives away what escaped the others. */
function processesOf(cluster: string, folder: string): readonly string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (pid === String(process.pid)) continue;
    const words = readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
    const isOurs =
      readText(`/proc/${pid}/cgroup`).includes(`/holdfast-${cluster}/`) ||
      words.includes(folder) ||
      readText(`/proc/${pid}/mountinfo`).includes(folder);
    if (isOurs) found.push(`${pid} ${words}`);
  }
  return found;
}

/** Empty for what is not there: a process may end, and a loop device be let go, between the list and the look. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
