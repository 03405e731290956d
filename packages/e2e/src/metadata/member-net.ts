// A network for processes of one machine: each has a namespace with an address of its own on one bridge, so that what one says to
// another can be thrown away, in one direction or both, while connections stay as they were: nobody hears of a cut but by silence.
// The machine itself is on the bridge, too. Needs root.
import { invariant } from '@holdfast/base';
import { run } from '../kube/command.ts';

/** Addresses for measurements inside of one site (RFC 2544): no cluster here has them. */
const prefix = '198.18';
const netsMax = 250;
const firstHost = 11;
const machineHost = 1;
/** Whoever is in no namespace: callers. It can be cut off from members, and they not from it. */
export const machine = 'machine';

export class MemberNet {
  readonly names: readonly string[];
  readonly #bridge: string;
  readonly #net: string;
  readonly #cuts = new Set<string>();

  private constructor(number: number, names: readonly string[]) {
    this.#bridge = `hfm${number}`;
    this.#net = `${prefix}.${number}`;
    this.names = names;
  }

  /** `number` tells it from others that stand at the same time. */
  static async make(number: number, names: readonly string[]): Promise<MemberNet> {
    const net = new MemberNet(1 + (number % netsMax), names);
    // Of a run that was killed.
    await net.close();
    await net.#ip('link', 'add', net.#bridge, 'type', 'bridge');
    await net.#ip('address', 'add', `${net.addressOf(machine)}/24`, 'dev', net.#bridge);
    await net.#ip('link', 'set', net.#bridge, 'up');
    for (const name of names) await net.#add(name);
    return net;
  }

  addressOf(name: string): string {
    if (name === machine) return `${this.#net}.${machineHost}`;
    const at = this.names.indexOf(name);
    invariant(at >= 0, `${name} is in the network`);
    return `${this.#net}.${firstHost + at}`;
  }

  /** Of a command that is to run as this process of the network. */
  wordsFor(name: string): [string, ...string[]] {
    return ['ip', 'netns', 'exec', this.#spaceOf(name)];
  }

  /** What `from` says does not reach `to`, a member, any more. */
  async cut(from: string, to: string): Promise<void> {
    if (this.#cuts.has(`${from} ${to}`)) return;
    this.#cuts.add(`${from} ${to}`);
    await this.#drop('-A', from, to);
  }
  async mend(from: string, to: string): Promise<void> {
    if (!this.#cuts.delete(`${from} ${to}`)) return;
    await this.#drop('-D', from, to);
  }

  /** It hears nobody, and is heard. */
  async deafen(name: string): Promise<void> {
    for (const other of this.#othersOf(name)) await this.cut(other, name);
  }
  /** It hears everybody, and nobody hears it. */
  async mute(name: string): Promise<void> {
    for (const other of this.#othersOf(name)) await this.cut(name, other);
  }
  async isolate(name: string): Promise<void> {
    await this.deafen(name);
    await this.mute(name);
  }
  /** What was between this one and others. */
  async restore(name: string): Promise<void> {
    for (const other of this.#othersOf(name)) {
      await this.mend(name, other);
      await this.mend(other, name);
    }
  }

  /** Behind the end of whoever was in it. */
  async close(): Promise<void> {
    const links = await this.#named('link', 'show', 'ifname');
    // The cards by themselves: a namespace lives on without its name while a connection in it has something to say to who was cut off.
    for (const link of [...this.names.map((name) => this.#cardOf(name)), this.#bridge]) {
      if (links.has(link)) await this.#ip('link', 'delete', link);
    }
    const spaces = await this.#named('netns', 'list', 'name');
    for (const space of this.names.map((name) => this.#spaceOf(name))) {
      if (spaces.has(space)) await this.#ip('netns', 'delete', space);
    }
  }

  async #add(name: string): Promise<void> {
    const space = this.#spaceOf(name);
    const card = this.#cardOf(name);
    await this.#ip('netns', 'add', space);
    await this.#ip('link', 'add', card, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space);
    await this.#ip('link', 'set', card, 'master', this.#bridge, 'up');
    await this.#ip('-n', space, 'address', 'add', `${this.addressOf(name)}/24`, 'dev', 'eth0');
    await this.#ip('-n', space, 'link', 'set', 'eth0', 'up');
    await this.#ip('-n', space, 'link', 'set', 'lo', 'up');
  }

  async #drop(verb: '-A' | '-D', from: string, to: string): Promise<void> {
    await run([...this.wordsFor(to), 'iptables', '-w', verb, 'INPUT', '-s', this.addressOf(from), '-j', 'DROP']);
  }

  async #ip(...words: string[]): Promise<void> {
    await run(['ip', ...words]);
  }

  /** What there is of a kind. */
  async #named(kind: 'netns' | 'link', verb: 'list' | 'show', field: 'name' | 'ifname'): Promise<ReadonlySet<string>> {
    const text = (await run(['ip', '-json', kind, verb])).trim();
    // No namespace at all is told as nothing.
    const rows = text === '' ? [] : (JSON.parse(text) as Readonly<Record<string, string>>[]);
    return new Set(rows.flatMap((row) => row[field] ?? []));
  }

  #othersOf(name: string): string[] {
    return this.names.filter((each) => each !== name);
  }

  #spaceOf(name: string): string {
    return `${this.#bridge}-${name}`;
  }

  /** The machine's end of it. */
  #cardOf(name: string): string {
    return `${this.#bridge}-${this.names.indexOf(name)}`;
  }
}
