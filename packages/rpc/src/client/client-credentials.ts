// How a channel connects: TLS 1.3 with the keeper's certificate of the moment, and the server judged as strictly as a caller is:
// chain, cluster, role, age, revocation list, and the host's name. grpc-js reports every failure to connect as UNAVAILABLE; the
// judgement is kept here, so that the caller hears the real reason.
import { CallCredentials, ChannelCredentials, type experimental } from '@grpc/grpc-js';
import { isIP, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { OpError, type Clock } from '@holdfast/base';
import { judgeCertificate, peerCertificate } from '../peer.ts';
import type { CertificateKeeper } from '../pki/certificate-keeper.ts';
import type { CertificateInfo } from '../pki/certificate.ts';
import { formatIdentity, type Role } from '../pki/identity.ts';

export interface ServerExpectation {
  readonly address: string;
  /** The name or IP address that the server's certificate must carry. */
  readonly host: string;
  readonly role: Role;
}

interface LiveConnection {
  readonly socket: TLSSocket;
  readonly certificate: CertificateInfo;
}

export class ClientCredentials extends ChannelCredentials {
  readonly #keeper: CertificateKeeper;
  readonly #expected: ServerExpectation;
  readonly #clock: Clock;
  readonly #live = new Set<LiveConnection>();
  readonly #unsubscribe: () => void;
  #refusal: OpError | null = null;

  constructor(keeper: CertificateKeeper, expected: ServerExpectation, clock: Clock) {
    super();
    this.#keeper = keeper;
    this.#expected = expected;
    this.#clock = clock;
    this.#unsubscribe = keeper.onChange(() => this.#judgeAgain());
  }

  /** Why the latest attempt to connect was given up by us; null if it was not. */
  get refusal(): OpError | null {
    return this.#refusal;
  }

  close(): void {
    this.#unsubscribe();
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return other === this;
  }

  override _createSecureConnector(): experimental.SecureConnector {
    const callCredentials = CallCredentials.createEmpty();
    return {
      connect: async (socket) => ({ socket: await this.#connect(socket), secure: true }),
      waitForReady: async () => undefined,
      getCallCredentials: () => callCredentials,
      destroy: () => undefined,
    };
  }

  async #connect(socket: Socket): Promise<TLSSocket> {
    const { secureContext } = this.#keeper.current;
    const { host } = this.#expected;
    // Judged below, with more than OpenSSL looks at.
    const judged = { rejectUnauthorized: false, checkServerIdentity: () => undefined };
    const options = { socket, secureContext, ALPNProtocols: ['h2'], ...judged };
    const tls = connect(isIP(host) === 0 ? { ...options, servername: host } : options);
    await new Promise<void>((resolve, reject) => {
      tls.once('secureConnect', resolve);
      tls.once('error', reject);
      tls.once('close', () => reject(new Error('the server hung up during the handshake')));
    });
    const certificate = peerCertificate(tls);
    this.#refusal = this.#judge(certificate, tls);
    if (this.#refusal !== null || certificate === null) {
      tls.destroy();
      throw this.#refusal ?? new OpError('CERTIFICATE_MISSING', {});
    }
    const live = { socket: tls, certificate };
    this.#live.add(live);
    tls.once('close', () => this.#live.delete(live));
    return tls;
  }

  #judge(certificate: CertificateInfo | null, socket: TLSSocket): OpError | null {
    const { address, host, role } = this.#expected;
    const refusal = judgeCertificate(certificate, this.#keeper.current, this.#clock.wallMs());
    if (refusal !== null) return refusal;
    const identity = certificate?.identity ?? null;
    const holder = identity === null ? 'nobody' : formatIdentity(identity);
    if (identity?.role !== role) return new OpError('SERVER_NOT_EXPECTED', { address, holder, role });
    const name = isIP(host) === 0 ? certificate?.x509.checkHost(host) : certificate?.x509.checkIP(host);
    if (name === undefined) return new OpError('SERVER_NOT_NAMED', { address, holder, host });
    if (socket.authorized) return null;
    return new OpError('CERTIFICATE_UNTRUSTED', { holder, reason: String(socket.authorizationError) });
  }

  /** A server that was revoked loses its connections, and with them the calls that wait for it. */
  #judgeAgain(): void {
    for (const { socket, certificate } of this.#live) {
      const refusal = judgeCertificate(certificate, this.#keeper.current, this.#clock.wallMs());
      if (refusal === null) continue;
      this.#refusal = refusal;
      socket.destroy();
    }
  }
}
