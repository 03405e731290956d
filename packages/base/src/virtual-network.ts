// A network between the nodes of a virtual time, that fails as networks do, from the time's seed: delays with a tail, cuts
// in one direction or both, partitions, clogging, connections that break, machines that vanish; and, where a protocol
// must bear it, single frames that are lost, doubled or overtaken. An address is `NODE:PORT`.
import { parseAddress } from './address.ts';
import { OpError } from './op-error.ts';
import { type SeededRandom } from './seeded-random.ts';
import {
  transportLimitsDefault,
  type Connection,
  type Listener,
  type Transport,
  type TransportLimits,
} from './transport.ts';
import { VirtualEnd, type NetworkObserver } from './virtual-connection.ts';
import { calmLink, VirtualLink, type LinkBehaviour } from './virtual-link.ts';
import type { VirtualNode } from './virtual-node.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface VirtualNetworkOptions {
  readonly time: VirtualTime;
  /** Of every link that is not told otherwise. */
  readonly link?: Partial<LinkBehaviour>;
  /** How long a kernel repeats what does not get through before it gives the connection up. */
  readonly breakAfterMs?: number;
  readonly observer?: NetworkObserver;
}

interface VirtualListener {
  readonly node: VirtualNode;
  readonly limits: TransportLimits;
  readonly onConnection: (connection: Connection) => void;
}

interface Dialling {
  readonly from: VirtualNode;
  readonly address: string;
  readonly host: string;
  readonly limits: TransportLimits;
  readonly isWaiting: () => boolean;
  readonly connected: (end: VirtualEnd) => void;
  readonly refused: () => void;
}

/** The kernel repeats an unanswered greeting after this. */
const greetingRepeatMs = 1000;
const firstPort = 49_152;
const breakAfterMsDefault = 15_000;

export class VirtualNetwork {
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #defaultLink: LinkBehaviour;
  readonly #breakAfterMs: number;
  readonly #observer: NetworkObserver | null;
  readonly #links = new Map<string, VirtualLink>();
  readonly #listeners = new Map<string, VirtualListener>();
  readonly #down = new Set<string>();
  readonly #nodes = new Set<string>();
  #ends: { readonly end: VirtualEnd; readonly other: string }[] = [];
  #lastPort = firstPort;
  #lastFrame = 0;

  constructor(options: VirtualNetworkOptions) {
    this.#time = options.time;
    this.#random = options.time.random.fork('network');
    this.#defaultLink = { ...calmLink, ...options.link };
    this.#breakAfterMs = options.breakAfterMs ?? breakAfterMsDefault;
    this.#observer = options.observer ?? null;
  }

  /** The network as the processes of a node see it. */
  transport(node: VirtualNode, limits: Partial<TransportLimits> = {}): Transport {
    this.#nodes.add(node.name);
    const all = { ...transportLimitsDefault, ...limits };
    return {
      listen: async (address, onConnection) => this.#listen(address, { node, limits: all, onConnection }),
      connect: async (address) => this.#connect(node, address, all),
    };
  }

  /** The way from one node to another; the way back is another link. */
  link(from: string, to: string): VirtualLink {
    const key = `${from} to ${to}`;
    const known = this.#links.get(key);
    if (known !== undefined) return known;
    const link = new VirtualLink(this.#random.fork(key), this.#defaultLink);
    this.#links.set(key, link);
    return link;
  }

  /** Nothing gets from `from` to `to`; the way back stays. */
  cut(from: string, to: string): void {
    this.link(from, to).cut();
  }
  mend(from: string, to: string): void {
    this.link(from, to).mend();
  }

  /** Nodes reach those of their own group only; a node in no group reaches nobody. */
  partition(groups: readonly (readonly string[])[]): void {
    const groupOf = new Map(groups.flatMap((group, index) => group.map((name) => [name, index] as const)));
    this.#forEachPair((from, to) => {
      if (groupOf.has(from) && groupOf.get(from) === groupOf.get(to)) this.mend(from, to);
      else this.cut(from, to);
    });
  }

  /** Mends every cut. */
  heal(): void {
    this.#forEachPair((from, to) => this.mend(from, to));
  }

  clog(from: string, to: string, durationMs: number): void {
    this.link(from, to).clog(this.#time.nowMs + durationMs);
  }

  /** Every connection between two nodes breaks, at both ends. */
  breakConnections(left: string, right: string): void {
    for (const { end, other } of this.#ends) {
      const between = [end.node.name, other];
      if (between.includes(left) && between.includes(right)) end.breakNow('it was reset on the way');
    }
    this.#forgetClosed();
  }

  /** The node's process dies, or the machine under it; its connections and listeners with it. Call `up` after `power`. */
  crash(name: string, kind: 'process' | 'power'): void {
    for (const { end } of this.#ends) if (end.node.name === name) end.die(kind);
    for (const [address, listener] of this.#listeners) if (listener.node.name === name) this.#listeners.delete(address);
    if (kind === 'power') this.#down.add(name);
    this.#forgetClosed();
  }

  up(name: string): void {
    this.#down.delete(name);
    for (const { end, other } of this.#ends) if (other === name) end.retry();
  }

  #listen(address: string, listener: VirtualListener): Listener {
    const target = parseAddress(address);
    if (target.kind !== 'tcp' || target.host !== listener.node.name) {
      throw new OpError('LISTEN_ADDRESS_UNUSABLE', { address, reason: `it is no address of ${listener.node.name}` });
    }
    const bound = `${target.host}:${target.port === 0 ? ++this.#lastPort : target.port}`;
    if (this.#listeners.has(bound)) throw new OpError('LISTEN_ADDRESS_IN_USE', { address });
    this.#listeners.set(bound, listener);
    const close = async (): Promise<void> => {
      if (this.#listeners.get(bound) === listener) this.#listeners.delete(bound);
    };
    return { address: bound, close };
  }

  async #connect(from: VirtualNode, address: string, limits: TransportLimits): Promise<Connection> {
    const { promise, resolve, reject } = Promise.withResolvers<Connection>();
    const target = parseAddress(address);
    if (target.kind !== 'tcp')
      throw new OpError('SERVER_UNREACHABLE', { address, reason: 'a unix socket is of no network' });
    let isWaiting = true;
    const fail = (reason: string): void => {
      isWaiting = false;
      reject(new OpError('SERVER_UNREACHABLE', { address, reason }));
    };
    const timer = from.timers.after(limits.connectTimeoutMs, () => fail('no answer in time'));
    this.#greet({
      from,
      host: target.host,
      address,
      limits,
      isWaiting: () => isWaiting,
      connected: (end) => {
        isWaiting = false;
        timer.cancel();
        resolve(end);
      },
      refused: () => {
        timer.cancel();
        fail('connection refused');
      },
    });
    return promise;
  }

  #greet(dialling: Dialling): void {
    const { host } = dialling;
    const way = this.link(dialling.from.name, host);
    const arrivalMs = Math.max(this.#time.nowMs + way.delayMs(), way.cloggedUntilMs);
    this.#time.at(arrivalMs, () => {
      if (!dialling.isWaiting()) return;
      if (!way.isCut && !this.#down.has(host) && this.#nodes.has(host)) this.#welcome(dialling);
      else this.#time.after(greetingRepeatMs, () => this.#greet(dialling));
    });
  }

  /** The greeting is there; the answer takes the way back, and may not find it. */
  #welcome(dialling: Dialling): void {
    const { host } = dialling;
    const listener = this.#listeners.get(dialling.address);
    const isFull = listener !== undefined && this.#countFrom(listener) >= listener.limits.connectionsLimit;
    if (listener === undefined || isFull) {
      this.#answer(dialling, dialling.refused);
      return;
    }
    const client = this.#end(dialling.from, host, { limits: dialling.limits, peer: dialling.address });
    const peer = `${dialling.from.name}:${++this.#lastPort}`;
    const server = this.#end(listener.node, dialling.from.name, { limits: listener.limits, peer });
    client.join(server);
    server.join(client);
    listener.node.post(0, () => listener.onConnection(server));
    // The one who dialled may give up: its kernel knows nothing of the connection then.
    const unclaimed = this.#time.after(dialling.limits.connectTimeoutMs, () => client.die('power'));
    this.#answer(dialling, () => {
      unclaimed.cancel();
      // A suspended machine's own limit stands still, and it would be handed an end that is dead and never says so.
      if (client.isAlive) dialling.connected(client);
      else dialling.refused();
    });
  }

  #answer(dialling: Dialling, deliver: () => void): void {
    const back = this.link(dialling.host, dialling.from.name);
    this.#time.at(Math.max(this.#time.nowMs + back.delayMs(), back.cloggedUntilMs), () => {
      if (back.isCut) back.whenMended(() => this.#answer(dialling, deliver));
      else dialling.from.post(0, () => (dialling.isWaiting() ? deliver() : undefined));
    });
  }

  #end(node: VirtualNode, other: string, how: { limits: TransportLimits; peer: string }): VirtualEnd {
    const end = new VirtualEnd({
      time: this.#time,
      node,
      other,
      peer: how.peer,
      limits: how.limits,
      link: this.link(node.name, other),
      breakAfterMs: this.#breakAfterMs,
      isDown: () => this.#down.has(node.name),
      observer: this.#observer,
      nextFrame: () => ++this.#lastFrame,
    });
    this.#forgetClosed();
    this.#ends.push({ end, other });
    return end;
  }

  #countFrom(listener: VirtualListener): number {
    return this.#ends.filter(({ end }) => end.isOpen && end.node === listener.node).length;
  }

  #forgetClosed(): void {
    this.#ends = this.#ends.filter(({ end }) => end.isAlive);
  }

  #forEachPair(visit: (from: string, to: string) => void): void {
    for (const from of this.#nodes) for (const to of this.#nodes) if (from !== to) visit(from, to);
  }
}
