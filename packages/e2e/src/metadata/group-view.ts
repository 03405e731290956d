// What the members of a running group say of themselves, asked over channels that stay: a command for each look would be a process.
import { isOpError, sleep, invariant, RealClock, RealTimers } from '@holdfast/base';
import { createChannel, loadMetadataServices, type Channel, type ChannelOptions } from '@holdfast/rpc';
import type { DescribeResponse } from '@holdfast/rpc';

const clock = new RealClock();
const timers = new RealTimers();
const askLimitMs = 2_000;
const waitLimitMs = 120_000;
/** Entries that a follower may miss and count as one that has caught up. */
const behindMax = 64n;

interface Place {
  readonly name: string;
  readonly apiAddress: string;
}

export class GroupView {
  readonly #places: readonly Place[];
  readonly #channels: ReadonlyMap<string, Channel>;
  readonly #service: Awaited<ReturnType<typeof loadMetadataServices>>['clusterService'];

  private constructor(
    places: readonly Place[],
    channels: ReadonlyMap<string, Channel>,
    service: Awaited<ReturnType<typeof loadMetadataServices>>['clusterService'],
  ) {
    this.#places = places;
    this.#channels = channels;
    this.#service = service;
  }

  static async open(places: readonly Place[], parts: Omit<ChannelOptions, 'address'>): Promise<GroupView> {
    const { clusterService } = await loadMetadataServices();
    const channels = new Map<string, Channel>();
    for (const { name, apiAddress } of places) {
      channels.set(name, await createChannel({ ...parts, address: apiAddress }));
    }
    return new GroupView(places, channels, clusterService);
  }

  /** Null where nobody answers. */
  async ask(name: string): Promise<DescribeResponse | null> {
    const channel = this.#channels.get(name);
    invariant(channel !== undefined, `${name} is a member`);
    try {
      return await channel.calls(this.#service).describe({}, { timeoutMs: askLimitMs });
    } catch (error) {
      if (!isOpError(error)) throw error;
      return null;
    }
  }

  /** The name of the member that leads, and is believed to by all that answer. Null if there is none. */
  async leader(): Promise<string | null> {
    const answers = await this.#askAll();
    const led = answers.find(({ said }) => said?.role === 'LEADER');
    const isBelieved = answers.every(({ said }) => said === null || said.leader === led?.said?.member);
    return led !== undefined && isBelieved ? led.name : null;
  }

  /** The leader, as soon as it is heard by all of its members and none of them is far behind. */
  async whole(): Promise<string> {
    const endMs = clock.monotonicMs() + waitLimitMs;
    for (;;) {
      const name = await this.leader();
      const said = name === null ? null : await this.ask(name);
      const others = said?.members.filter(({ number }) => number !== said.member) ?? [];
      const isWhole = others.every(
        ({ isActive, behind }) => isActive === true && behind !== null && behind <= behindMax,
      );
      if (name !== null && said?.role === 'LEADER' && isWhole) return name;
      invariant(clock.monotonicMs() < endMs, `the group was whole within ${waitLimitMs} ms`);
      await sleep(timers, 50);
    }
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
  }

  async #askAll(): Promise<{ readonly name: string; readonly said: DescribeResponse | null }[]> {
    return Promise.all(this.#places.map(async ({ name }) => ({ name, said: await this.ask(name) })));
  }
}
