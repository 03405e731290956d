// Three members of the etcd that the development cluster runs, built by the same script into the same cache: as processes of their own,
// with TLS to clients and between members by certificates of our own authority, and otherwise as it comes.
import { join } from 'node:path';
import { invariant, RealTimers, sleep } from '@holdfast/base';
import { freeAddress } from '@holdfast/base/internal';
import { createChannel, type Channel, type ChannelOptions } from '@holdfast/rpc';
import type { ProcessCluster } from '@holdfast/holdfast/internal';
import { run } from '../kube/command.ts';
import { root } from '../kube/helm.ts';
import { etcdMaintenance } from './etcd-api.ts';
import { ServerProcess } from './server-process.ts';

/** Go compiles it where it is in no cache. */
const buildLimitMs = 15 * 60_000;
const callLimitMs = 10_000;
const names = ['e1', 'e2', 'e3'] as const;
const timers = new RealTimers();

export interface EtcdMember {
  readonly name: string;
  readonly apiAddress: string;
  readonly peerAddress: string;
  readonly channel: Channel;
  process: ServerProcess | null;
}

export class EtcdCluster {
  readonly members: readonly EtcdMember[];
  readonly #program: string;
  readonly #cluster: ProcessCluster;

  private constructor(program: string, cluster: ProcessCluster, members: readonly EtcdMember[]) {
    this.#program = program;
    this.#cluster = cluster;
    this.members = members;
  }

  static async start(cluster: ProcessCluster, parts: Omit<ChannelOptions, 'address'>): Promise<EtcdCluster> {
    const said = await run([join(root, 'dev-env/build.sh'), 'etcd'], { limitMs: buildLimitMs });
    const [, folder] = /^dev-env: built: (.*)$/m.exec(said) ?? [];
    invariant(folder !== undefined, 'build.sh says where it has built etcd');
    const members: EtcdMember[] = [];
    for (const name of names) {
      await cluster.issue('metadata', name);
      const [apiAddress, peerAddress] = [await freeAddress(), await freeAddress()];
      const channel = await createChannel({ ...parts, address: apiAddress });
      members.push({ name, apiAddress, peerAddress, channel, process: null });
    }
    const etcd = new EtcdCluster(join(folder, 'bin/etcd'), cluster, members);
    for (const member of members) etcd.launch(member);
    await Promise.all(members.map(async ({ process }) => process?.ready()));
    return etcd;
  }

  launch(member: EtcdMember): void {
    const { name, apiAddress, peerAddress } = member;
    const folder = this.#cluster.identity('metadata', name);
    const [identity, authorities] = [join(folder, 'identity.pem'), join(folder, 'ca.pem')];
    const [client, peer] = [`https://${apiAddress}`, `https://${peerAddress}`];
    const tls = (kind: '' | 'peer-'): string[] => [
      ...[`--${kind}cert-file`, identity, `--${kind}key-file`, identity],
      ...[`--${kind}trusted-ca-file`, authorities, `--${kind}client-cert-auth`],
    ];
    const everybody = this.members.map((each) => `${each.name}=https://${each.peerAddress}`).join(',');
    member.process = ServerProcess.start({
      argv: [
        this.#program,
        ...['--name', name, '--data-dir', join(this.#cluster.folder, `etcd-${name}`)],
        ...['--listen-client-urls', client, '--advertise-client-urls', client],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        ...['--initial-cluster', everybody, ...tls(''), ...tls('peer-')],
      ],
      outputPath: join(this.#cluster.folder, `etcd-${name}.log`),
      ready: /ready to serve client requests/,
    });
  }

  /** The member that leads, as soon as one says so of itself. */
  async leader(): Promise<EtcdMember> {
    for (;;) {
      for (const member of this.members) {
        if (member.process === null || member.process.hasEnded) continue;
        const status = member.channel.calls(etcdMaintenance).status({}, { timeoutMs: callLimitMs });
        const { member: self, leader } = await status.catch(() => ({ member: 0, leader: 0 }));
        if (leader !== 0 && self === leader) return member;
      }
      await sleep(timers, 20);
    }
  }

  async close(): Promise<void> {
    for (const { channel } of this.members) channel.close();
    await Promise.all(this.members.map(async ({ process }) => process?.stop('SIGTERM')));
  }
}
