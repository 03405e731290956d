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
  /** Told when the peer is refused, also in the middle of a call. */
  readonly onRefused: (connection: Connection, refusal: OpError) => void;
}

export class Connection implements Origin {
  readonly caller: Caller;
  readonly key: string;
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
    this.key = connectionKey(socket);
    this.#name = `${describeCaller(this.caller)} ${socket.remoteAddress ?? 'gone'}:${socket.remotePort ?? 0}`;
    this.watch();
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
    this.#timer?.cancel();
    if (refusal !== null) {
      this.#isLeaving = true;
      this.#timer = this.#parts.timers.after(refusedLingerMs, () => this.#socket.destroy());
      this.#parts.onRefused(this, refusal);
      return;
    }
    const leftMs = (this.#certificate?.notAfterMs ?? 0) - this.#parts.clock.wallMs();
    this.#timer = this.#parts.timers.after(Math.max(0, leftMs), () => this.watch());
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

interface Ends {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** Both ends of a TCP connection: no two living ones have the same. */
export function connectionKey(ends: Ends): string {
  return `${ends.remoteAddress ?? ''} ${ends.remotePort ?? ''} ${ends.localAddress ?? ''} ${ends.localPort ?? ''}`;
}
