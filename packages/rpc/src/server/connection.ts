// One TLS connection of a server: who is at its other end, and whether that still holds. The judgement is kept until the
// keeper's credentials change (a list that grew, an authority that went), and age is looked at for every call.
import type { TLSSocket } from 'node:tls';
import { OpError, type Clock, type Timer, type Timers } from '@holdfast/base';
import { refusedLingerMs } from '../limits.ts';
import { describeCaller, judgeCertificate, peerCertificate, type Caller, type Origin } from '../peer.ts';
import type { CertificateKeeper } from '../pki/certificate-keeper.ts';
import type { CertificateInfo } from '../pki/certificate.ts';

export interface ConnectionParts {
  readonly keeper: CertificateKeeper;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Ends the calls of this connection that are under way. */
  readonly failCalls: (connection: Connection, error: OpError) => void;
  /** Takes no further calls on this connection and lets those under way end; the client opens another one. */
  readonly drain: () => void;
}

export class Connection implements Origin {
  readonly caller: Caller;
  readonly #socket: TLSSocket;
  readonly #certificate: CertificateInfo | null;
  readonly #parts: ConnectionParts;
  readonly #name: string;
  #judgedRevision = 0;
  #refusal: OpError | null = null;
  #timer: Timer | null = null;
  #isLeaving = false;

  constructor(socket: TLSSocket, parts: ConnectionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#certificate = peerCertificate(socket);
    const identity = this.#certificate?.identity ?? null;
    this.caller =
      this.#certificate === null || identity === null
        ? { kind: 'nobody' }
        : { kind: 'certificate', identity, certificate: this.#certificate };
    this.#name = `${describeCaller(this.caller)} ${socket.remoteAddress ?? 'gone'}:${socket.remotePort ?? 0}`;
    this.watch();
    if (!this.#isLeaving) this.#scheduleEnd();
  }

  /** Why no call of this peer is answered; null if they are. */
  judge(): OpError | null {
    if (this.#refusal !== null) return this.#refusal;
    const { keeper, clock } = this.#parts;
    const nowMs = clock.wallMs();
    const isAged = this.#certificate !== null && nowMs >= this.#certificate.notAfterMs;
    if (this.#judgedRevision === keeper.revision && !isAged) return null;
    this.#judgedRevision = keeper.revision;
    this.#refusal = judgeCertificate(this.#certificate, keeper.current, nowMs);
    if (this.#refusal === null && !this.#socket.authorized) this.#refusal = this.#distrust();
    return this.#refusal;
  }

  /** Judges without a call: for calls that last. A refused peer hears why, and loses its connection. */
  watch(): void {
    if (this.#isLeaving) return;
    const refusal = this.judge();
    if (refusal === null) return;
    this.#leave(refusal);
  }

  /**
   * A connection outlives neither of the certificates that it was opened with. Both ends have renewed theirs long before,
   * so it is replaced in good time and without a failed call; what still runs at the end is told to come again.
   */
  #scheduleEnd(): void {
    const { clock, timers, keeper, drain } = this.#parts;
    const nowMs = clock.wallMs();
    const ends = [keeper.current.certificate, this.#certificate].filter((end) => end !== null);
    const endMs = Math.min(...ends.map((end) => end.notAfterMs));
    const drainMs = Math.min(...ends.map((end) => drainTimeMs(end, nowMs)));
    this.#timer = timers.after(Math.max(0, drainMs - nowMs), () => {
      drain();
      this.#timer = timers.after(Math.max(0, endMs - clock.wallMs()), () => {
        this.#leave(new OpError('CONNECTION_AGED', { end: new Date(endMs).toISOString() }));
      });
    });
  }

  #leave(error: OpError): void {
    this.#isLeaving = true;
    this.#timer?.cancel();
    this.#timer = this.#parts.timers.after(refusedLingerMs, () => this.#socket.destroy());
    this.#parts.failCalls(this, error);
  }

  closed(): void {
    this.#timer?.cancel();
  }

  /** A refused peer is called what it claims to be; the call's error says that nobody believes it. */
  describe(): string {
    return this.#name;
  }

  /** OpenSSL found something that our own checks do not look at, such as a purpose that does not fit. */
  #distrust(): OpError {
    const reason = String(this.#socket.authorizationError);
    return new OpError('CERTIFICATE_UNTRUSTED', { holder: describeCaller(this.caller), reason });
  }
}

/** A renewal comes at two thirds; by this share of its life a certificate has its successor. */
const successorShare = 5 / 6;

/**
 * When a connection asks to be replaced: its ends have their next certificates by then, and its calls have time to end. A
 * connection that is opened later than that, because a renewal is late, gets half of what is left.
 */
export function drainTimeMs(certificate: Pick<CertificateInfo, 'notBeforeMs' | 'notAfterMs'>, nowMs: number): number {
  const { notBeforeMs, notAfterMs } = certificate;
  const dueMs = notBeforeMs + (notAfterMs - notBeforeMs) * successorShare;
  return Math.max(dueMs, nowMs + (notAfterMs - nowMs) / 2);
}
