// What peers say to this member: connections that they make. Each begins with a hello, which is judged before anything else is
// read; what is refused hears why, and both sides say so in their logs. A frame that cannot be read ends its connection.
import { isOpError, OpError, type Connection, type Listener, type Transport } from '@holdfast/base';
import type { BeatFrame, MemberId, Message } from '@holdfast/raft';
import { decodeFrame, decodeHello, encodeRefused, pongFrame, type Hello } from './frame.ts';
import type { JudgePeer } from './host-options.ts';
import type { Route } from './message-codec.ts';
import { trySend } from './try-send.ts';

export interface ReceptionOptions {
  readonly cluster: string;
  readonly self: MemberId;
  readonly addressOf: (member: MemberId) => string | null;
  readonly judgePeer?: JudgePeer;
  readonly transport: Transport;
  /** Its hello was taken. */
  readonly onPeer: (member: MemberId) => void;
  readonly onMessages: (messages: readonly Message[]) => void;
  readonly onBeats: (beats: BeatFrame) => void;
  /** A connection that was ended for what it said. */
  readonly onRefused: (peer: string, error: OpError) => void;
}

interface Guest {
  readonly connection: Connection;
  hello: Hello | null;
  route: Route | null;
  ticks: number;
}

/** Ticks that a connection has to say its hello. */
const helloTicksMax = 50;
/** Ticks between two looks at who is at the other end: certificates end and are revoked. */
export const judgeTicks = 10;

export class Reception {
  readonly #options: ReceptionOptions;
  readonly #guests = new Set<Guest>();
  #listener: Listener | null = null;
  #isClosed = false;

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /** The address with the port that the system chose, where that was 0. */
  async open(address: string): Promise<string> {
    this.#listener = await this.#options.transport.listen(address, (connection) => this.#welcome(connection));
    return this.#listener.address;
  }

  tick(): void {
    for (const guest of this.#guests) {
      guest.ticks++;
      if (guest.hello === null) {
        if (guest.ticks >= helloTicksMax) guest.connection.destroy();
      } else if (guest.ticks % judgeTicks === 0) {
        const refusal = this.#judge(guest, guest.hello.from);
        if (refusal !== null) this.#refuse(guest, refusal);
      }
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { connection } of this.#guests) connection.destroy();
    await this.#listener?.close();
  }

  #welcome(connection: Connection): void {
    if (this.#isClosed) {
      connection.destroy();
      return;
    }
    const guest: Guest = { connection, hello: null, route: null, ticks: 0 };
    this.#guests.add(guest);
    connection.start({
      onFrame: (frame) => this.#onFrame(guest, frame),
      onClose: () => this.#guests.delete(guest),
    });
  }

  #onFrame(guest: Guest, bytes: Uint8Array): void {
    if (this.#isClosed) return;
    try {
      if (guest.route === null) this.#greet(guest, bytes);
      else this.#take(guest, guest.route, bytes);
    } catch (error) {
      if (!isOpError(error)) throw error;
      this.#refuse(guest, error);
    }
  }

  #greet(guest: Guest, bytes: Uint8Array): void {
    const { cluster, self, addressOf } = this.#options;
    const hello = decodeHello(bytes, guest.connection.peer);
    if (hello.cluster !== cluster || hello.to !== self) {
      const reason = `it is for member ${hello.to} of cluster ${hello.cluster}, and this is member ${self} of ${cluster}`;
      throw new OpError('RAFT_MESSAGE_MISDIRECTED', { reason });
    }
    if (hello.from === self || addressOf(hello.from) === null) {
      throw new OpError('RAFT_PEER_UNKNOWN', { member: hello.from });
    }
    const refusal = this.#judge(guest, hello.from);
    if (refusal !== null) throw refusal;
    guest.hello = hello;
    guest.route = { cluster, from: hello.from, to: self };
    this.#endEarlier(guest, hello);
    this.#options.onPeer(hello.from);
  }

  #judge({ connection }: Guest, member: MemberId): OpError | null {
    return this.#options.judgePeer?.(member, connection.peerCertificate) ?? null;
  }

  /** The peer made this connection because it takes the one before for dead. */
  #endEarlier(guest: Guest, { from, lane }: Hello): void {
    for (const other of this.#guests) {
      if (other !== guest && other.hello?.from === from && other.hello.lane === lane) other.connection.destroy();
    }
  }

  #take(guest: Guest, route: Route, bytes: Uint8Array): void {
    const frame = decodeFrame(guest.hello?.lane === 'bulk' ? ownBytes(bytes) : bytes, route);
    switch (frame.kind) {
      case 'messages':
        this.#options.onMessages(frame.messages);
        return;
      case 'beats':
        this.#options.onBeats(frame.beats);
        return;
      case 'ping':
        trySend(guest.connection, pongFrame);
        return;
      case 'hello':
      case 'pong':
      case 'refused':
        throw new OpError('RAFT_MESSAGE_MALFORMED', { reason: `a ${frame.kind} from who made the connection` });
    }
  }

  #refuse(guest: Guest, error: OpError): void {
    const { connection } = guest;
    this.#options.onRefused(connection.peer, error);
    this.#guests.delete(guest);
    trySend(connection, encodeRefused(error));
    // Whoever does not take the answer is let go by the transport's own limit.
    void connection.close();
  }
}

/** Entries outlive their frame, and would keep all that was received with it. */
function ownBytes(frame: Uint8Array): Uint8Array {
  return frame.byteLength === frame.buffer.byteLength ? frame : new Uint8Array(frame);
}
