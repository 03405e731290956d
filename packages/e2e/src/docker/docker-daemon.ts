// A dockerd of the suite's own, started by hand from Debian's docker.io and ended by its process: it is the first process of
// namespaces of its own, so everything that it starts and mounts ends with it, and it sees /etc and /run through overlays, so
// that what it writes there lies in its folder. Images, sockets and settings are in that folder too. Needs root.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { invariant, RealClock, RealTimers, sleep } from '@holdfast/base';
import { run, type CommandOptions } from '../kube/command.ts';

const startup = `
for folder in etc run; do
  mkdir "$1/$folder" "$1/$folder.work"
  mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$1/$folder,workdir=$1/$folder.work" "/$folder"
done
folder=$1 cgroup=$2
shift 2
exec /usr/sbin/dockerd --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" \
  --host "unix://$folder/socket" --cgroup-parent "/$cgroup" --group root \
  --add-runtime "limited=$folder/runtime" --default-runtime limited "$@"`;

/** Containers get no right that this machine may not have itself: a privileged one would not start. */
const runtime = `#!/bin/sh
previous=
for word; do
  case $previous in
    --bundle) sed -i 's/,"CAP_SYS_RESOURCE"//g' "$word/config.json" ;;
    --process) sed -i 's/,"CAP_SYS_RESOURCE"//g' "$word" ;;
  esac
  previous=$word
done
exec runc "$@"
`;

export interface DockerOptions {
  /** A network of its own, where it may have bridges and rules and reaches nobody; else the machine's, and neither of them. */
  readonly hasOwnNetwork: boolean;
}

const clock = new RealClock();
const timers = new RealTimers();
const startLimitMs = 60_000;

/** Debian's own client speaks BuildKit without a plugin; another one may come first in PATH. */
const client = '/usr/bin/docker';

export class DockerDaemon {
  readonly folder: string;
  /** In every hierarchy, at its top. */
  readonly cgroup: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(folder: string, { hasOwnNetwork }: DockerOptions) {
    this.folder = folder;
    this.cgroup = folder.slice(folder.lastIndexOf('/') + 1);
    writeFileSync(join(folder, 'runtime'), runtime, { mode: 0o755 });
    const namespaces = ['--mount', '--pid', '--fork', '--kill-child=KILL', '--mount-proc', '--propagation', 'private'];
    const script = hasOwnNetwork ? `ip link set lo up\n${startup}` : startup;
    const foreign = ['--bridge', 'none', '--iptables=false', '--ip-forward=false', '--ip-masq=false'];
    const words = ['sh', '-euc', script, 'sh', folder, this.cgroup, ...(hasOwnNetwork ? [] : foreign)];
    const log = openSync(join(folder, 'log'), 'w');
    this.#child = spawn('unshare', [...namespaces, ...(hasOwnNetwork ? ['--net'] : []), ...words], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#ended = once(this.#child, 'exit');
  }

  static async start(options: DockerOptions): Promise<DockerDaemon> {
    await install('docker.io', '/usr/sbin/dockerd', client);
    const daemon = new DockerDaemon(await mkdtemp(join(tmpdir(), 'holdfast-docker-')), options);
    try {
      await daemon.#answers();
      return daemon;
    } catch (error) {
      const log = readFileSync(join(daemon.folder, 'log'), 'utf8').trim();
      await daemon.close();
      throw new Error(`dockerd does not answer; its last lines: ${log.slice(-2000)}`, { cause: error });
    }
  }

  async #answers(): Promise<void> {
    const limitMs = clock.monotonicMs() + startLimitMs;
    for (;;) {
      try {
        await this.run(['version']);
        return;
      } catch (error) {
        if (this.#child.exitCode !== null || clock.monotonicMs() > limitMs) throw error;
      }
      await sleep(timers, 100);
    }
  }

  /** Stdout of the client. */
  run(words: readonly string[], options: CommandOptions = {}): Promise<string> {
    return run([client, ...words], { ...options, environment: { ...this.environment(), ...options.environment } });
  }

  /** What lets a client find it. */
  environment(): Readonly<Record<string, string>> {
    return {
      DOCKER_HOST: `unix://${this.folder}/socket`,
      DOCKER_CONFIG: join(this.folder, 'client'),
      DOCKER_BUILDKIT: '1',
    };
  }

  /** Before a command: then it is in the network of the daemon, where what the daemon publishes is. */
  inNetwork(): readonly [string, ...string[]] {
    return ['nsenter', '--net', '--target', String(this.#child.pid)];
  }

  async close(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
    for (const path of this.cgroups()) removeEmpty(path);
    // The namespace goes a moment after its first process, and what was mounted there with it.
    await rm(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  /** Those that it made, as far as they are there. */
  cgroups(): readonly string[] {
    const hierarchies = '/sys/fs/cgroup';
    const paths = ['', ...readdirSync(hierarchies)].map((name) => join(hierarchies, name, this.cgroup));
    return paths.filter((path) => existsSync(path));
  }
}

function removeEmpty(cgroup: string): void {
  for (const entry of readdirSync(cgroup, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmpty(join(cgroup, entry.name));
  }
  rmdirSync(cgroup);
}

/** A Debian package, unless all the files are there already. */
export async function install(name: string, ...files: readonly string[]): Promise<void> {
  if (files.every((file) => existsSync(file))) return;
  invariant(process.getuid?.() === 0, `${files.join(' and ')} are missing; run once as root: apt-get install ${name}`);
  await run(['apt-get', 'update', '-qq'], { limitMs: 300_000 });
  await run(['apt-get', 'install', '-y', '-qq', '--no-install-recommends', name], {
    limitMs: 300_000,
    environment: { DEBIAN_FRONTEND: 'noninteractive' },
  });
}
