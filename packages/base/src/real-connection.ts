// A connection over a socket of Node. The first frame of a turn of the event loop leaves at once, because somebody waits for it; those
// that follow in the same turn leave together, in one writev. Payloads are not copied unless they are so short that the copy is
// cheaper than a piece of their own.
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Timer, Timers } from './clock.ts';
import { FrameReader, frameHeaderBytes, writeFrameHeader } from './frame-reader.ts';
import { invariant } from './invariant.ts';
import { isOpError, OpError } from './op-error.ts';
import { messageOf } from './system-error.ts';
import type { Connection, ConnectionHandlers, TransportLimits } from './transport.ts';

/** Up to here a payload is copied behind its header. */
const copyLimitBytes = 1024;

export interface RealConnectionParts {
  readonly socket: Socket;
  readonly peer: string;
  readonly limits: TransportLimits;
  readonly timers: Timers;
}

/**
 *   open ── close() ──► closing ── the other side's end, or closeTimeoutMs ──► closed
 *     ├── what cannot be a frame ──► refused: told at once, the rest is drained, then closed
 *     └── the other side's end, an error, destroy() ──► closed
 */
export class RealConnection implements Connection {
  readonly peer: string;
  /** Read once: at the end that dialled, Node hands it out a single time, and it is the same as long as the connection stands. */
  readonly peerCertificate: Uint8Array | null;
  readonly #socket: Socket;
  readonly #limits: TransportLimits;
  readonly #timers: Timers;
  readonly #reader: FrameReader;
  readonly #gone = Promise.withResolvers<null>();
  #handlers: ConnectionHandlers | null = null;
  #state: 'open' | 'closing' | 'refused' | 'closed' = 'open';
  #reason: OpError | null = null;
  #isTold = false;
  #isPaused = false;
  #isCorked = false;
  #drainWaiters: (() => void)[] = [];
  #closeTimer: Timer | null = null;

  constructor(parts: RealConnectionParts) {
    this.peer = parts.peer;
    this.peerCertificate = certificateOf(parts.socket);
    this.#socket = parts.socket;
    this.#limits = parts.limits;
    this.#timers = parts.timers;
    this.#reader = new FrameReader({ peer: parts.peer, maxFrameBytes: parts.limits.maxFrameBytes });
    this.#socket.on('error', (error) => {
      this.#reason ??= this.#broken(messageOf(error));
    });
    this.#socket.on('close', () => this.#onGone());
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }
  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  start(handlers: ConnectionHandlers): void {
    invariant(this.#handlers === null, `the connection to ${this.peer} is started twice`);
    this.#handlers = handlers;
    if (this.#state === 'closed') {
      queueMicrotask(() => this.#tell());
      return;
    }
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#socket.on('end', () => this.#onEnd());
    this.#letFlow();
  }

  send(frame: Uint8Array | readonly Uint8Array[]): boolean {
    const pieces = frame instanceof Uint8Array ? [frame] : frame;
    const payloadBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#checkSendable(payloadBytes);
    const isFirst = !this.#isCorked;
    if (isFirst) this.#cork();
    if (payloadBytes <= copyLimitBytes) this.#write(joined(pieces, payloadBytes), true);
    else {
      const header = Buffer.allocUnsafe(frameHeaderBytes);
      writeFrameHeader(header, payloadBytes);
      this.#write(header, false);
      pieces.forEach((piece, index) => this.#write(piece, index === pieces.length - 1));
    }
    if (isFirst) {
      this.#socket.uncork();
      this.#socket.cork();
    }
    return this.bufferedBytes <= this.#limits.drainBytes;
  }

  async drained(): Promise<void> {
    if (this.#state === 'closed' || this.bufferedBytes <= this.#limits.drainBytes) return;
    await new Promise<null>((resolve) => {
      this.#drainWaiters.push(() => resolve(null));
    });
  }

  pause(): void {
    this.#isPaused = true;
    if (this.#handlers !== null) this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#handlers === null) return;
    this.#handOut();
    this.#letFlow();
  }

  async close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing';
      this.#endInTime();
    }
    await this.#gone.promise;
  }

  destroy(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closing';
    this.#socket.destroy();
  }

  #checkSendable(payloadBytes: number): void {
    const { maxFrameBytes, outboundLimitBytes } = this.#limits;
    const { peer } = this;
    if (!this.isOpen) throw new OpError('CONNECTION_CLOSED', { peer });
    if (payloadBytes > maxFrameBytes) {
      throw new OpError('FRAME_TOO_LARGE', { peer, direction: 'to', size: payloadBytes, limit: maxFrameBytes });
    }
    const waiting = this.bufferedBytes + payloadBytes + frameHeaderBytes;
    if (waiting > outboundLimitBytes) throw new OpError('OUTBOUND_FULL', { peer, waiting, limit: outboundLimitBytes });
  }

  /** Until the end of the turn. */
  #cork(): void {
    this.#isCorked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      this.#socket.uncork();
    });
  }

  #write(bytes: Uint8Array, isLast: boolean): void {
    if (isLast) this.#socket.write(bytes, this.#onWritten);
    else this.#socket.write(bytes);
  }

  readonly #onWritten = (): void => {
    if (this.#drainWaiters.length > 0 && this.bufferedBytes <= this.#limits.drainBytes) this.#releaseDrainWaiters();
  };

  #releaseDrainWaiters(): void {
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    for (const resolve of waiters) resolve();
  }

  #onData(chunk: Buffer): void {
    if (this.#state !== 'open') return;
    this.#reader.push(chunk);
    this.#handOut();
  }

  #letFlow(): void {
    if (this.#isPaused) this.#socket.pause();
    else this.#socket.resume();
  }

  #handOut(): void {
    while (!this.#isPaused && this.isOpen) {
      const frame = this.#nextFrame();
      if (frame === null) return;
      this.#handlers?.onFrame(frame);
    }
  }

  #nextFrame(): Uint8Array | null {
    try {
      return this.#reader.next();
    } catch (error) {
      if (!isOpError(error)) throw error;
      this.#refuse(error);
      return null;
    }
  }

  /** Bytes that were not read would turn our goodbye into a reset, so they are read and dropped until the other side ends. */
  #refuse(error: OpError): void {
    this.#state = 'refused';
    this.#reason = error;
    this.#endInTime();
    this.#tell();
  }

  #endInTime(): void {
    this.#socket.end();
    this.#socket.resume();
    this.#closeTimer = this.#timers.after(this.#limits.closeTimeoutMs, () => this.#socket.destroy());
  }

  #onEnd(): void {
    if (this.isOpen && this.#reader.isWithinFrame) this.#reason ??= this.#broken('it ended within a frame');
  }

  #onGone(): void {
    this.#state = 'closed';
    this.#closeTimer?.cancel();
    this.#releaseDrainWaiters();
    this.#tell();
    this.#gone.resolve(null);
  }

  #tell(): void {
    if (this.#isTold || this.#handlers === null) return;
    this.#isTold = true;
    this.#handlers.onClose(this.#reason);
  }

  #broken(reason: string): OpError {
    return new OpError('CONNECTION_BROKEN', { peer: this.peer, reason });
  }
}

function joined(pieces: readonly Uint8Array[], payloadBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeaderBytes + payloadBytes);
  writeFrameHeader(bytes, payloadBytes);
  let at = frameHeaderBytes;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function certificateOf(socket: Socket): Uint8Array | null {
  if (!(socket instanceof TLSSocket)) return null;
  return socket.getPeerX509Certificate()?.raw ?? null;
}
