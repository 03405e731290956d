// Where a server's connections come from: a TCP port with mutual TLS 1.3, or a unix socket. Listens itself instead of letting
// grpc-js do it, because certificates change while connections live and a peer must be known by its connection.
import { createServer as createNetServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { listenOnPort, OpError, UnixSocket, type Address } from '@holdfast/base';
import type { Log } from '@holdfast/telemetry';
import type { ServerLimits } from '../limits.ts';
import type { CertificateKeeper } from '../pki/certificate-keeper.ts';

export interface Listener {
  /** With the port that the system chose for port 0. */
  readonly address: string;
  /** Whether whoever connects to the address comes here. */
  isInPlace(): Promise<boolean>;
  close(): Promise<void>;
}

export interface ListenOptions<Connected extends Socket> {
  readonly limits: ServerLimits;
  readonly log: Log;
  readonly onConnection: (socket: Connected) => void;
}

export async function listenLocally(path: string, options: ListenOptions<Socket>): Promise<Listener> {
  const server = createNetServer();
  limitConnections(server, options);
  server.on('connection', options.onConnection);
  const socket = await UnixSocket.listen(server, path);
  return {
    address: `unix:${path}`,
    isInPlace: async () => socket.isInPlace(),
    close: async () => socket.close(),
  };
}

export async function listenWithTls(
  address: Address & { kind: 'tcp' },
  keeper: CertificateKeeper,
  options: ListenOptions<TLSSocket>,
): Promise<Listener> {
  const server = createTlsServer({
    ...keeper.current.contextOptions,
    ALPNProtocols: ['h2'],
    requestCert: true,
    // Who may not speak is told so in words, by the judgement of every call; OpenSSL would only hang up.
    rejectUnauthorized: false,
    handshakeTimeout: options.limits.handshakeLimitMs,
    noDelay: true,
  });
  limitConnections(server, options);
  server.on('secureConnection', options.onConnection);
  server.on('tlsClientError', (error, socket) => {
    options.log.debug('handshake failed', { peer: socket.remoteAddress ?? null, reason: error.message });
  });
  const unsubscribe = keeper.onChange(() => server.setSecureContext(keeper.current.contextOptions));
  try {
    return {
      address: await listenOnPort(server, address),
      isInPlace: async () => true,
      close: async () => closePort(server, unsubscribe),
    };
  } catch (error) {
    unsubscribe();
    throw error;
  }
}

function closePort(server: Server, unsubscribe: () => void): void {
  unsubscribe();
  // Takes no further connections at once; those that live are the server's to end.
  server.close();
}

function limitConnections(server: Server, options: { readonly limits: ServerLimits; readonly log: Log }): void {
  const limit = options.limits.connectionsLimit;
  server.maxConnections = limit;
  server.on('drop', () =>
    options.log.warn('connection dropped', { error: new OpError('TOO_MANY_CONNECTIONS', { limit }) }),
  );
}
