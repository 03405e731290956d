// Where members live that are to suffer: a network namespace and a small disk for each, so that both can be taken away while the process and
// everything that it believes stays. Needs root.
import { join } from 'node:path';
import { invariant, mib, RealTimers, sleep } from '@holdfast/base';
import type { ProcessCluster } from '@holdfast/holdfast/internal';
import { launchServer } from './holdfast-servers.ts';
import { LoopDisk } from './loop-disk.ts';
import { MemberNet } from './member-net.ts';
import type { ServerProcess } from './server-process.ts';
import { MetadataGroup, type Member, type Site } from '../suites/metadata/metadata-group.ts';

const names = ['m1', 'm2', 'm3'] as const;
const apiPort = 7400;
const peerPort = 7401;
const diskBytesDefault = 1024 * mib;
const restartMs = 1_000;
const timers = new RealTimers();

export interface PlacedMember extends Member<ServerProcess> {
  readonly disk: LoopDisk;
}

export class MemberSite implements Site<ServerProcess> {
  readonly net: MemberNet;
  readonly #cluster: ProcessCluster;
  readonly #disks = new Map<string, LoopDisk>();
  /** Those that are to end. */
  readonly #ending = new Set<ServerProcess>();
  #group: MetadataGroup<ServerProcess> | null = null;
  #isClosing = false;
  /** Ends that nobody asked for, and behind which the member was started again, as whoever runs it would. */
  restarts = 0;

  private constructor(cluster: ProcessCluster, net: MemberNet) {
    this.#cluster = cluster;
    this.net = net;
  }

  /** Three members that vote, each in its place. */
  static async make(cluster: ProcessCluster, diskBytes = diskBytesDefault): Promise<MemberSite> {
    const site = new MemberSite(cluster, await MemberNet.make(process.pid, names));
    try {
      for (const name of names) site.#disks.set(name, await LoopDisk.make(cluster.folder, name, diskBytes));
      site.#group = await MetadataGroup.ofThree(cluster, site);
    } catch (error) {
      await site.close();
      throw error;
    }
    return site;
  }

  get group(): MetadataGroup<ServerProcess> {
    invariant(this.#group !== null, 'the group was made');
    return this.#group;
  }
  get members(): PlacedMember[] {
    return this.group.members.map((member) => Object.assign(member, { disk: this.#diskOf(member.name) }));
  }

  member(name: string): PlacedMember {
    const found = this.members.find((each) => each.name === name);
    invariant(found !== undefined, `${name} is a member`);
    return found;
  }

  async place(name: string): ReturnType<Site<ServerProcess>['place']> {
    const host = this.net.addressOf(name);
    const addresses = { apiAddress: `${host}:${apiPort}`, peerAddress: `${host}:${peerPort}` };
    return { host, data: join(this.#diskOf(name).path, 'data'), ...addresses };
  }
  launch(name: string, words: readonly string[]): ServerProcess {
    const launched = launchServer(this.#cluster, name, words, this.net.wordsFor(name));
    void launched.ended.then(async () => this.#noteEnd(name, launched));
    return launched;
  }

  async end(member: PlacedMember, signal: NodeJS.Signals): Promise<void> {
    const { process } = member;
    if (process === null) return;
    this.#ending.add(process);
    await process.stop(signal);
    this.#ending.delete(process);
    member.process = null;
  }
  /** It need not be ready: there may be nobody to lead it yet. */
  async start(member: PlacedMember): Promise<void> {
    this.group.launch(member);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#group?.close();
    for (const disk of this.#disks.values()) await disk.close();
    await this.net.close();
  }

  async #noteEnd(name: string, ended: ServerProcess): Promise<void> {
    if (!this.#isMissed(name, ended)) return;
    this.restarts++;
    await sleep(timers, restartMs);
    if (this.#isMissed(name, ended)) this.group.launch(this.group.member(name));
  }

  #isMissed(name: string, ended: ServerProcess): boolean {
    if (this.#isClosing || this.#ending.has(ended)) return false;
    return this.#group?.member(name).process === ended;
  }

  #diskOf(name: string): LoopDisk {
    const disk = this.#disks.get(name);
    invariant(disk !== undefined, `${name} has a disk`);
    return disk;
  }
}
