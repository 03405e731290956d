// That nothing of a cluster is left: once looked at where nobody else is, in namespaces of the case's own, where every process,
// mount, link, route and rule counts; and round after round on the machine as it is, with clusters side by side and commands
// that are killed at any moment, beside bystanders that look like a cluster's and are none.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from '@jest/globals';
import { RealTimers, sleep } from '@holdfast/base';
import { expectNoTraces, ownCase } from '../../dev-env/own-case.ts';
import { OwnCluster, script } from '../../dev-env/own-cluster.ts';
import { run } from '../../kube/command.ts';

const [first, second] = [new OwnCluster('deround'), new OwnCluster('debeside')];
const clusters = [first, second];
const rounds = 20;
/** Ten times what an idle machine takes. */
const roundsLimitMs = 20 * 60_000;

afterAll(async () => {
  await Promise.all(clusters.map((cluster) => cluster.down()));
}, 60_000);

const look = `look() {
  ps -eo args --no-headers | grep -vE '^(ps|grep|sort|bash|unshare) '
  cut -d' ' -f4- /proc/self/mountinfo
  ip -o link | cut -d: -f2
  ip -4 route show table all
  ip -4 rule
  iptables-save | grep '^[-:*]'
  sysctl -a --pattern 'net.ipv4.(ip_forward|conf)' 2>/dev/null
  ls -d /sys/fs/cgroup/*/holdfast-deround /dev/holdfast/deround /run/lock/*deround* /run/netns/* /run/cni \\
    /run/containerd /run/dbus /var/lib/kubelet /var/lib/containerd /var/lib/cni /var/log/pods /etc/cni 2>/dev/null
  true
}`;

ownCase('in a network, a process space and a mount table of its own, a cluster changes nothing', clusters, async () => {
  const words = `${look}
    look >"$1/before"
    "$0" up 2 && "$0" node kill 1 && look >"$1/during" && "$0" down && look >"$1/after" &&
      diff "$1/before" "$1/after" && ! diff "$1/before" "$1/during" >/dev/null`;
  const work = await mkdtemp(join(tmpdir(), 'holdfast-traces-'));
  try {
    const alone = ['--mount', '--net', '--pid', '--fork', '--mount-proc', '--kill-child=KILL'];
    const environment = { CLUSTER: first.name };
    await run(['unshare', ...alone, 'bash', '-uc', words, script('cluster.sh'), work], {
      environment,
      limitMs: 110_000,
    });
  } finally {
    await rm(work, { recursive: true });
  }
  expectNoTraces(first.name);
});

ownCase(
  'clusters come and go, two at a time and killed on the way, and leave nothing',
  clusters,
  async () => {
    const bystanders = await startBystanders();
    try {
      for (let round = 0; round < rounds; round += 1) {
        if (round % 4 === 3) await killUp(round * 300);
        else if (round % 4 === 1) await Promise.all([first.up(3), second.up(1)]);
        else await first.up(3);
        await Promise.all(clusters.map((cluster) => cluster.down()));
        for (const { name } of clusters) expectNoTraces(name);
        process.stderr.write(`round ${round + 1} of ${rounds} left nothing\n`);
      }
      await bystanders.expectUntouched();
    } finally {
      await bystanders.end();
    }
  },
  roundsLimitMs,
);

/** Kills `up` itself and none of what it started, which down has to find. */
async function killUp(afterMs: number): Promise<void> {
  const up = spawn(script('cluster.sh'), ['up', '3'], {
    env: { ...process.env, CLUSTER: first.name },
    stdio: 'ignore',
  });
  const closed = once(up, 'close');
  await Promise.race([closed, sleep(new RealTimers(), afterMs)]);
  up.kill('SIGKILL');
  await closed;
}

interface Bystanders {
  expectUntouched(): Promise<void>;
  end(): Promise<void>;
}

/** A process, an interface and a cgroup with names as of a cluster, of which dev-env has no record. */
async function startBystanders(): Promise<Bystanders> {
  const [link, cgroup] = ['hf-deother', '/sys/fs/cgroup/pids/holdfast-deother'];
  const bystander = spawn('sleep', ['3600'], { stdio: 'ignore' });
  await run(['ip', 'link', 'add', link, 'type', 'bridge']);
  await run(['mkdir', cgroup]);
  await run(['bash', '-c', 'echo "$0" >"$1/cgroup.procs"', String(bystander.pid), cgroup]);
  return {
    async expectUntouched() {
      expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
      expect(await run(['cat', `${cgroup}/cgroup.procs`])).toBe(`${String(bystander.pid)}\n`);
      await run(['ip', 'link', 'show', link]);
    },
    async end() {
      bystander.kill('SIGKILL');
      await once(bystander, 'close');
      await run(['ip', 'link', 'delete', link]);
      await run(['bash', '-c', 'until rmdir "$0" 2>/dev/null; do sleep 0.05; done', cgroup]);
    },
  };
}
