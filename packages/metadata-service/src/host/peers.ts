// The other members' processes, as far as this one speaks with them: two lanes to each that anything is said to.
import { mib, type Timer } from '@holdfast/base';
import type { BeatFrame, GroupId, MemberId, Message } from '@holdfast/raft';
import type { Log } from '@holdfast/telemetry';
import { encodeBeats, encodeMessages, type Lane as LaneName } from './frame.ts';
import type { HostSettings, PeerStatus } from './host-options.ts';
import { Lane, type LaneOptions } from './lane.ts';
import { estimateBytes } from './message-codec.ts';

export type PeersOptions = Pick<
  LaneOptions,
  'cluster' | 'self' | 'addressOf' | 'judgePeer' | 'transport' | 'timers' | 'random'
> & {
  readonly settings: HostSettings;
  readonly log: Log | null;
};

type CommitMessage = Extract<Message, { readonly kind: 'commit' }>;

interface Peer {
  readonly urgent: Lane;
  readonly bulk: Lane;
  /** What the peer is not told yet of how far each group has committed. */
  readonly held: Map<GroupId, CommitMessage>;
  idleTicks: number;
}

interface Batch {
  readonly messages: Message[];
  bytes: number;
}

/** What is said at once is put into one frame up to here. */
const frameBytes = mib;

/**
 * How long a peer is not told of a commit: under load the next append says the same, and a frame of its own costs a write here, and
 * a read and a step there. Nobody's answer waits for it; a read through the leader brings the commit index along.
 */
const commitHeldMs = 20;

/** Ticks without anything to say after which the connections to a peer are let go. */
const idleTicksMax = 600;

/** What keeps its order with entries, or is large. */
const bulky: ReadonlySet<Message['kind']> = new Set([
  'append',
  'commit',
  'propose',
  'snapshot-chunk',
  'repair-response',
  'repair-snapshot',
]);

export class Peers {
  readonly #options: PeersOptions;
  readonly #peers = new Map<MemberId, Peer>();
  #telling: Timer | null = null;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  get status(): PeerStatus[] {
    return [...this.#peers].map(([member, { urgent, bulk }]) => ({
      member,
      isUrgentUp: urgent.isUp,
      isBulkUp: bulk.isUp,
      sentFrames: urgent.sentFrames + bulk.sentFrames,
      droppedFrames: urgent.droppedFrames + bulk.droppedFrames,
    }));
  }

  /** What a step says to each peer goes as one frame a lane, or several if it is much. */
  send(messages: readonly Message[]): void {
    const batches = new Map<Lane, Batch>();
    for (const message of messages) {
      const peer = this.#peer(message.to);
      if (peer === null || this.#hold(peer, message)) continue;
      const lane = bulky.has(message.kind) ? peer.bulk : peer.urgent;
      let batch = batches.get(lane);
      if (batch === undefined) {
        batch = { messages: [], bytes: 0 };
        batches.set(lane, batch);
      }
      const bytes = estimateBytes(message);
      if (batch.bytes + bytes > frameBytes && batch.messages.length > 0) {
        lane.send(encodeMessages(batch.messages));
        batch.messages.length = 0;
        batch.bytes = 0;
      }
      batch.messages.push(message);
      batch.bytes += bytes;
    }
    for (const [lane, batch] of batches) lane.send(encodeMessages(batch.messages));
  }

  /** Whether the message is kept for a while. */
  #hold({ held }: Peer, message: Message): boolean {
    if (message.kind === 'append' && held.delete(message.group)) this.#forgetToTell();
    if (message.kind !== 'commit') return false;
    held.set(message.group, message);
    this.#telling ??= this.#options.timers.after(commitHeldMs, () => this.#tell());
    return true;
  }

  /** Where nothing is held any more, what is held next is not told before its time. */
  #forgetToTell(): void {
    for (const { held } of this.#peers.values()) if (held.size > 0) return;
    this.#telling?.cancel();
    this.#telling = null;
  }

  #tell(): void {
    this.#telling = null;
    for (const { held, bulk } of this.#peers.values()) {
      if (held.size > 0) bulk.send(encodeMessages([...held.values()]));
      held.clear();
    }
  }

  sendBeats(beats: BeatFrame): void {
    this.#peer(beats.to)?.urgent.send(encodeBeats(beats));
  }

  /** A member that came back is spoken to at once, and not when a wait that grew while it was away is over. */
  peerCalled(member: MemberId): void {
    const peer = this.#peers.get(member);
    peer?.urgent.peerCalled();
    peer?.bulk.peerCalled();
  }

  tick(): void {
    for (const [member, peer] of this.#peers) {
      peer.urgent.tick();
      peer.bulk.tick();
      if (++peer.idleTicks < idleTicksMax) continue;
      this.#peers.delete(member);
      peer.urgent.destroy();
      peer.bulk.destroy();
    }
  }

  async close(): Promise<void> {
    this.#telling?.cancel();
    await Promise.all([...this.#peers.values()].flatMap(({ urgent, bulk }) => [urgent.close(), bulk.close()]));
  }

  #peer(member: MemberId): Peer | null {
    let peer = this.#peers.get(member);
    if (peer === undefined) {
      if (this.#options.addressOf(member) === null) return null;
      peer = this.#makePeer(member);
      this.#peers.set(member, peer);
    }
    peer.idleTicks = 0;
    return peer;
  }

  #makePeer(member: MemberId): Peer {
    const { settings, log, ...parts } = this.#options;
    const { reconnect, silenceTicks, urgentBytesMax, bulkBytesMax } = settings;
    const options = { ...parts, peer: member, reconnect, silenceTicks, onChange: this.#teller(member, log) };
    return {
      urgent: new Lane({ ...options, lane: 'urgent', limitBytes: urgentBytesMax }),
      bulk: new Lane({ ...options, lane: 'bulk', limitBytes: bulkBytesMax }),
      held: new Map(),
      idleTicks: 0,
    };
  }

  /** Logs what becomes of a lane, and the same story once and not at each attempt. */
  #teller(member: MemberId, log: Log | null): LaneOptions['onChange'] {
    const told = new Map<LaneName, string>();
    return (lane, error) => {
      const line = error?.line ?? 'connected';
      if (told.get(lane) === line) return;
      told.set(lane, line);
      if (error === null) log?.info('peer connected', { member, lane });
      else log?.warn('peer not connected', { member, lane, error });
    };
  }
}
