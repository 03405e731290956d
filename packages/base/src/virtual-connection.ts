// One end of a connection on a virtual network, and the stream of frames that leaves it. It behaves as TCP does where a
// protocol can tell: what a cut holds up goes on when it is mended, or breaks the sender's end after a while; an end that
// died is noticed by who sends to it, and by nobody else; a process that dies says goodbye by its kernel, a machine that
// loses its power does not.
import type { Timer } from './clock.ts';
import { invariant } from './invariant.ts';
import { OpError } from './op-error.ts';
import type { Connection, ConnectionHandlers, TransportLimits } from './transport.ts';
import type { VirtualLink } from './virtual-link.ts';
import type { VirtualNode } from './virtual-node.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Reads along: every frame under a number of its own, when it is sent and when the other process takes it, or that it is lost. */
export interface NetworkObserver {
  onFrame(moment: 'sent' | 'lost' | 'delivered', frame: SeenFrame): void;
}

export interface SeenFrame {
  readonly id: number;
  readonly from: string;
  readonly to: string;
  readonly bytes: Uint8Array;
}

export interface VirtualEndParts {
  readonly time: VirtualTime;
  readonly node: VirtualNode;
  /** The node at the other end. */
  readonly other: string;
  readonly peer: string;
  readonly limits: TransportLimits;
  /** Towards the other end. */
  readonly link: VirtualLink;
  /** How long the kernel repeats what does not get through. */
  readonly breakAfterMs: number;
  /** A machine without power neither receives nor answers. */
  readonly isDown: () => boolean;
  readonly observer: NetworkObserver | null;
  readonly nextFrame: () => number;
}

type Parcel =
  | { readonly kind: 'frame'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: 'goodbye' }
  | { readonly kind: 'reset'; readonly reason: string };

export class VirtualEnd implements Connection {
  readonly peer: string;
  readonly peerCertificate = null;
  readonly #parts: VirtualEndParts;
  readonly #lane: number;
  #other: VirtualEnd | null = null;
  #state: 'open' | 'closing' | 'closed' | 'dead' = 'open';
  #handlers: ConnectionHandlers | null = null;
  #reason: OpError | null = null;
  #isTold = false;
  #isPaused = false;
  #inbound: Uint8Array[] = [];
  /** The other end has said goodbye; told when the last frame was taken. */
  #isEnding = false;
  #bufferedBytes = 0;
  /** In the order of their arrival. */
  #underWay: { readonly parcel: Parcel; readonly atMs: number }[] = [];
  /** Set while a cut, or a machine without power, holds up what is due. */
  #stopWaiting: (() => void) | null = null;
  #closeTimer: Timer | null = null;
  #drainWaiters: (() => void)[] = [];
  readonly #gone = Promise.withResolvers<null>();

  constructor(parts: VirtualEndParts) {
    this.#parts = parts;
    this.peer = parts.peer;
    this.#lane = parts.time.newLane();
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }
  /** False when nothing can reach its user any more. */
  get isAlive(): boolean {
    return this.#state === 'open' || this.#state === 'closing';
  }
  get node(): VirtualNode {
    return this.#parts.node;
  }

  join(other: VirtualEnd): void {
    this.#other = other;
  }

  start(handlers: ConnectionHandlers): void {
    invariant(this.#handlers === null, `the connection to ${this.peer} is started twice`);
    this.#handlers = handlers;
    this.#parts.node.post(0, () => this.#handOut(), this.#lane);
  }

  send(frame: Uint8Array | readonly Uint8Array[]): boolean {
    const bytes = frame instanceof Uint8Array ? Uint8Array.from(frame) : new Uint8Array(Buffer.concat(frame));
    this.#checkSendable(bytes.length);
    this.#bufferedBytes += bytes.length;
    const { link } = this.#parts;
    if (link.happens('breakRate')) {
      this.#ship({ kind: 'reset', reason: 'it was reset on the way' });
      this.#break('it was reset on the way');
      return true;
    }
    const id = this.#parts.nextFrame();
    const { observer, node, other } = this.#parts;
    const isLost = link.happens('lossRate');
    observer?.onFrame(isLost ? 'lost' : 'sent', { id, from: node.name, to: other, bytes });
    if (isLost) this.#arrived(bytes.length);
    else this.#ship({ kind: 'frame', id, bytes });
    return this.#bufferedBytes <= this.#parts.limits.drainBytes;
  }

  async drained(): Promise<void> {
    if (!this.isOpen || this.#bufferedBytes <= this.#parts.limits.drainBytes) return;
    await new Promise<null>((resolve) => {
      this.#drainWaiters.push(() => resolve(null));
    });
  }

  pause(): void {
    this.#isPaused = true;
  }
  resume(): void {
    this.#isPaused = false;
    this.#handOut();
  }

  async close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing';
      this.#inbound = [];
      this.#ship({ kind: 'goodbye' });
      this.#closeTimer = this.#parts.node.timers.after(this.#parts.limits.closeTimeoutMs, () => this.#end(null));
    }
    await this.#gone.promise;
  }

  destroy(): void {
    if (!this.isAlive) return;
    this.#ship({ kind: 'reset', reason: 'the other side ended it' });
    this.#end(null);
  }

  /** The process is dead: it hears nothing more. Its kernel resets the connection, unless the machine died with it. */
  die(kind: 'process' | 'power'): void {
    if (!this.isAlive) return;
    if (kind === 'process') this.#ship({ kind: 'reset', reason: 'the other process died' });
    this.#state = 'dead';
    if (kind === 'power') this.#dropUnderWay();
  }

  /** The network breaks it for this end. */
  breakNow(reason: string): void {
    this.#break(reason);
  }

  /** What waited for a cut to be mended, or for a machine to come back, goes on. */
  retry(): void {
    this.#stopWaiting?.();
    this.#parts.time.after(this.#parts.link.delayMs(), () => this.#arrive(), this.#lane);
  }

  #checkSendable(payloadBytes: number): void {
    const { peer } = this;
    const { maxFrameBytes, outboundLimitBytes } = this.#parts.limits;
    if (!this.isOpen) throw new OpError('CONNECTION_CLOSED', { peer });
    if (payloadBytes > maxFrameBytes) {
      throw new OpError('FRAME_TOO_LARGE', { peer, direction: 'to', size: payloadBytes, limit: maxFrameBytes });
    }
    const waiting = this.#bufferedBytes + payloadBytes;
    if (waiting > outboundLimitBytes) throw new OpError('OUTBOUND_FULL', { peer, waiting, limit: outboundLimitBytes });
  }

  #ship(parcel: Parcel): void {
    const { link, time } = this.#parts;
    const arrivalMs = Math.max(time.nowMs + link.delayMs(), link.cloggedUntilMs);
    const isFrame = parcel.kind === 'frame';
    if (isFrame && link.happens('reorderRate')) {
      time.at(arrivalMs + link.delayMs(), () => this.#arriveAlone(parcel));
    } else {
      const atMs = Math.max(arrivalMs, this.#underWay.at(-1)?.atMs ?? 0);
      this.#underWay.push({ parcel, atMs });
      time.at(atMs, () => this.#arrive(), this.#lane);
    }
    if (isFrame && link.happens('duplicateRate')) {
      time.at(arrivalMs + link.delayMs(), () => (link.isCut ? undefined : this.#other?.receive(parcel)));
    }
  }

  /** What is due is at the other side's door, if the way there is open; else all of it waits, and in its order. */
  #arrive(): void {
    while ((this.#underWay[0]?.atMs ?? Infinity) <= this.#parts.time.nowMs) {
      if (this.#isHeldUp) {
        this.#waitForWay();
        return;
      }
      const due = this.#underWay.shift();
      if (due !== undefined) this.#deliver(due.parcel);
    }
  }

  #arriveAlone(parcel: Parcel): void {
    if (!this.#isHeldUp) {
      this.#deliver(parcel);
      return;
    }
    this.#underWay.unshift({ parcel, atMs: 0 });
    this.#waitForWay();
  }

  #deliver(parcel: Parcel): void {
    if (parcel.kind === 'frame') this.#arrived(parcel.bytes.length);
    this.#other?.receive(parcel);
  }

  get #isHeldUp(): boolean {
    return this.#parts.link.isCut || this.#other?.isUnreachable === true;
  }
  get isUnreachable(): boolean {
    return this.#parts.isDown();
  }

  #waitForWay(): void {
    if (this.#stopWaiting !== null) return;
    const { link, time, breakAfterMs } = this.#parts;
    const giveUp = time.after(breakAfterMs, () => {
      this.#dropUnderWay();
      this.#break('nothing gets through');
    });
    const forget = link.whenMended(() => this.retry());
    this.#stopWaiting = () => {
      giveUp.cancel();
      forget();
      this.#stopWaiting = null;
    };
  }

  #dropUnderWay(): void {
    this.#underWay = [];
    this.#stopWaiting?.();
  }

  #arrived(bytes: number): void {
    this.#bufferedBytes -= bytes;
    if (this.#bufferedBytes > this.#parts.limits.drainBytes || this.#drainWaiters.length === 0) return;
    this.#parts.node.post(0, () => this.#releaseDrainWaiters(), this.#lane);
  }

  #releaseDrainWaiters(): void {
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    for (const resolve of waiters) resolve();
  }

  /** Takes a parcel from the other end; the process learns of it when it runs. */
  receive(parcel: Parcel): void {
    if (!this.isAlive) {
      // Nobody is here: the kernel says so to whoever sends, and to nobody else.
      if (parcel.kind === 'frame') this.#ship({ kind: 'reset', reason: 'the other side knows nothing of it' });
      return;
    }
    this.#parts.node.post(0, () => this.#take(parcel), this.#lane);
  }

  #take(parcel: Parcel): void {
    if (parcel.kind === 'reset') this.#break(parcel.reason);
    else if (parcel.kind === 'goodbye') {
      this.#isEnding = true;
      this.#handOut();
    } else if (this.isOpen) {
      this.#takeFrame(parcel.id, parcel.bytes);
    }
  }

  #takeFrame(id: number, bytes: Uint8Array): void {
    const { peer } = this;
    const { observer, node, other } = this.#parts;
    observer?.onFrame('delivered', { id, from: other, to: node.name, bytes });
    const { maxFrameBytes } = this.#parts.limits;
    if (bytes.length > maxFrameBytes) {
      this.#ship({ kind: 'goodbye' });
      this.#end(new OpError('FRAME_TOO_LARGE', { peer, direction: 'by', size: bytes.length, limit: maxFrameBytes }));
      return;
    }
    this.#inbound.push(bytes);
    this.#handOut();
  }

  #handOut(): void {
    if (this.#handlers === null && this.isOpen) return;
    while (!this.#isPaused && this.isOpen) {
      const frame = this.#inbound.shift();
      if (frame === undefined) break;
      this.#handlers?.onFrame(frame);
    }
    if (this.#isEnding && (this.#inbound.length === 0 || !this.isOpen)) this.#sayGoodbyeBack();
    if (this.#state === 'closed') this.#tell();
  }

  #sayGoodbyeBack(): void {
    if (this.isOpen) this.#ship({ kind: 'goodbye' });
    this.#end(null);
  }

  #break(reason: string): void {
    this.#end(new OpError('CONNECTION_BROKEN', { peer: this.peer, reason }));
  }

  #end(reason: OpError | null): void {
    if (!this.isAlive) return;
    this.#state = 'closed';
    this.#closeTimer?.cancel();
    this.#reason = reason;
    this.#gone.resolve(null);
    this.#parts.node.post(
      0,
      () => {
        this.#releaseDrainWaiters();
        this.#tell();
      },
      this.#lane,
    );
  }

  #tell(): void {
    if (this.#isTold || this.#handlers === null || this.#state === 'dead') return;
    this.#isTold = true;
    this.#handlers.onClose(this.#reason);
  }
}
