// One way to a peer: a connection that this member makes and keeps, and over which only it speaks, but for the answers to its
// pings. It is there as long as anything is said to the peer. What cannot be sent at once is dropped, as raft's messages may
// be: a queue would only deliver yesterday's news.
//
// Two lanes lead to each peer, so that votes and heartbeats do not wait behind a snapshot. Each has its own pings: an end that died
// with its machine, or a way that swallows everything, is noticed by nothing else while the other lane goes on.
import { backoffDelayMs, isOpError, type Backoff, type Connection, type OpError } from '@holdfast/base';
import type { Random, Timer, Timers, Transport } from '@holdfast/base';
import type { MemberId } from '@holdfast/raft';
import { decodeFrame, encodeHello, pingFrame, protocolVersion, type Lane as LaneName } from './frame.ts';
import type { JudgePeer } from './host-options.ts';
import type { Route } from './message-codec.ts';
import { judgeTicks } from './reception.ts';
import { trySend } from './try-send.ts';

export interface LaneOptions {
  readonly lane: LaneName;
  readonly cluster: string;
  readonly self: MemberId;
  readonly peer: MemberId;
  readonly addressOf: (member: MemberId) => string | null;
  readonly judgePeer?: JudgePeer;
  readonly transport: Transport;
  readonly timers: Timers;
  readonly random: Random;
  readonly reconnect: Backoff;
  readonly limitBytes: number;
  readonly silenceTicks: number;
  /** A connection that did not come to be, or ended; null when one is there that the peer answered on. */
  readonly onChange: (lane: LaneName, error: OpError | null) => void;
}

export class Lane {
  readonly #options: LaneOptions;
  readonly #route: Route;
  #connection: Connection | null = null;
  #isDialling = false;
  #backoff: Timer | null = null;
  #attempts = 0;
  /** Of this connection, until the peer is looked at again. */
  #judgedTicks = 0;
  /** Since the peer was heard on this connection. */
  #silentTicks = 0;
  #isAnswered = false;
  #refusal: OpError | null = null;
  #isClosed = false;
  sentFrames = 0;
  droppedFrames = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
    const { cluster, self, peer } = options;
    this.#route = { cluster, from: peer, to: self };
  }

  get isUp(): boolean {
    return this.#connection?.isOpen === true && this.#isAnswered;
  }

  send(frame: Uint8Array): void {
    const connection = this.#connection;
    if (connection === null) this.#dial();
    const isRoom = connection !== null && connection.bufferedBytes + frame.length <= this.#options.limitBytes;
    if (isRoom && trySend(connection, frame)) this.sentFrames++;
    else this.droppedFrames++;
  }

  /** Keeps a connection ready, also while there is nothing to say on it. */
  tick(): void {
    const connection = this.#connection;
    if (connection === null) {
      this.#dial();
      return;
    }
    if (++this.#judgedTicks >= judgeTicks && !this.#judge(connection)) return;
    this.#silentTicks++;
    const { silenceTicks } = this.#options;
    if (this.#silentTicks >= silenceTicks) connection.destroy();
    else if (this.#silentTicks === Math.ceil(silenceTicks / 2)) trySend(connection, pingFrame);
  }

  /** The peer made a connection of its own: it is there, however often it was not. It is called back as after a first failure. */
  peerCalled(): void {
    if (this.#backoff === null || this.#attempts <= 1) return;
    this.#backoff.cancel();
    this.#attempts = 0;
    this.#wait();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#backoff?.cancel();
    await this.#connection?.close();
  }

  destroy(): void {
    this.#isClosed = true;
    this.#backoff?.cancel();
    this.#connection?.destroy();
  }

  #dial(): void {
    if (this.#isDialling || this.#connection !== null || this.#backoff !== null || this.#isClosed) return;
    const { addressOf, peer, transport } = this.#options;
    const address = addressOf(peer);
    if (address === null) return;
    this.#isDialling = true;
    void transport.connect(address).then(
      (connection) => this.#connected(connection),
      (error: unknown) => {
        if (!isOpError(error)) throw error;
        this.#isDialling = false;
        this.#down(error);
      },
    );
  }

  #connected(connection: Connection): void {
    const { cluster, self, peer, lane } = this.#options;
    this.#isDialling = false;
    if (this.#isClosed) {
      connection.destroy();
      return;
    }
    this.#connection = connection;
    this.#silentTicks = 0;
    this.#isAnswered = false;
    this.#refusal = null;
    connection.start({
      onFrame: (frame) => this.#onFrame(connection, frame),
      onClose: (reason) => this.#onClose(reason),
    });
    if (!this.#judge(connection)) return;
    trySend(connection, encodeHello({ version: protocolVersion, cluster, from: self, to: peer, lane }));
    // The answer says that the hello was taken.
    trySend(connection, pingFrame);
  }

  /** Nothing is said to one who is not the peer. */
  #judge(connection: Connection): boolean {
    const { judgePeer, peer } = this.#options;
    this.#judgedTicks = 0;
    const refusal = judgePeer?.(peer, connection.peerCertificate) ?? null;
    if (refusal === null) return true;
    this.#refusal = refusal;
    connection.destroy();
    return false;
  }

  #onFrame(connection: Connection, bytes: Uint8Array): void {
    try {
      const frame = decodeFrame(bytes, this.#route);
      if (frame.kind === 'refused') this.#refusal = frame.error;
      if (frame.kind === 'pong') this.#heard();
    } catch (error) {
      if (!isOpError(error)) throw error;
      this.#refusal = error;
      connection.destroy();
    }
  }

  #heard(): void {
    this.#silentTicks = 0;
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#attempts = 0;
    this.#options.onChange(this.#options.lane, null);
  }

  #onClose(reason: OpError | null): void {
    this.#connection = null;
    const error = this.#refusal ?? reason;
    if (error === null) this.#wait();
    else this.#down(error);
  }

  #down(error: OpError): void {
    if (this.#isClosed) return;
    this.#options.onChange(this.#options.lane, error);
    this.#wait();
  }

  #wait(): void {
    if (this.#isClosed) return;
    const { reconnect, random, timers } = this.#options;
    this.#attempts++;
    this.#backoff = timers.after(backoffDelayMs(reconnect, this.#attempts, random), () => {
      this.#backoff = null;
    });
  }
}
