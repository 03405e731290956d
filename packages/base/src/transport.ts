// Connections that carry frames: whole messages, in order, until the connection breaks. `RealTransport` is TCP, TLS or unix
// sockets, `VirtualNetwork` a network that fails as networks do.
//
// What a connection promises: frames arrive whole, once, and in the order of `send`, or not at all; after the first that
// does not arrive none does. It does not promise that a frame which was sent arrives, nor to notice that the other side is
// gone while nobody sends: heartbeats are its user's.
import type { OpError } from './op-error.ts';

export interface TransportLimits {
  /** A longer frame is neither sent nor received. */
  readonly maxFrameBytes: number;
  /** Of frames that wait for the other side; `send` refuses what would pass it. */
  readonly outboundLimitBytes: number;
  /** Above this `send` says false, and below it `drained` resolves. */
  readonly drainBytes: number;
  readonly connectTimeoutMs: number;
  /** For the other side to take what is left and to say goodbye. */
  readonly closeTimeoutMs: number;
  /** Of one listener at a time. */
  readonly connectionsLimit: number;
}

export const transportLimitsDefault: TransportLimits = {
  maxFrameBytes: 16 * 1024 * 1024,
  outboundLimitBytes: 64 * 1024 * 1024,
  drainBytes: 1024 * 1024,
  connectTimeoutMs: 5000,
  closeTimeoutMs: 5000,
  connectionsLimit: 1024,
};

export interface ConnectionHandlers {
  /** The bytes are the receiver's, and a view: whoever keeps a small frame for long copies it. */
  readonly onFrame: (frame: Uint8Array) => void;
  /** Once, after the last frame; null when one of the two sides closed it in order. */
  readonly onClose: (reason: OpError | null) => void;
}

export interface Connection {
  /** The other side, for people. */
  readonly peer: string;
  /** The certificate (DER) that the other side proved to hold; null without TLS or if it has none. */
  readonly peerCertificate: Uint8Array | null;
  readonly isOpen: boolean;
  readonly bufferedBytes: number;
  /** Nothing is received before; called once. */
  start(handlers: ConnectionHandlers): void;
  /**
   * Hands over one frame, as one piece or several. The bytes must not change until they were sent. False: it is on its way,
   * and whoever can wait for `drained` should.
   */
  send(frame: Uint8Array | readonly Uint8Array[]): boolean;
  /** Resolves when there is room or the connection is closed. */
  drained(): Promise<void>;
  /** No frame is handed out until `resume`, and soon the other side cannot send. */
  pause(): void;
  resume(): void;
  /** Sends what waits, says goodbye, and resolves when the connection is gone. Frames that still arrive are dropped. */
  close(): Promise<void>;
  /** Ends it at once; what waits is lost. */
  destroy(): void;
}

export interface Listener {
  /** With the port that the system chose for port 0. */
  readonly address: string;
  /** Takes no further connections; those that live stay. */
  close(): Promise<void>;
}

export interface Transport {
  /** Addresses are `host:port`, `[ipv6]:port` or `unix:/absolute/path`. */
  listen(address: string, onConnection: (connection: Connection) => void): Promise<Listener>;
  connect(address: string): Promise<Connection>;
}
