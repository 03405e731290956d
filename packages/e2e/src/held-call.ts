// A call that stays in flight as long as a test wants: its headers are sent, its message is not. Spoken over HTTP/2 itself,
// because no client of ours sends half a call.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { join } from 'node:path';

/** An empty gRPC message: not compressed, of length zero. */
const emptyMessage = Buffer.alloc(5);

export class HeldCall {
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;

  private constructor(session: ClientHttp2Session, stream: ClientHttp2Stream) {
    this.#session = session;
    this.#stream = stream;
  }

  /** Resolves when the server has the call: it answered a ping that was sent after the headers. */
  static async start(address: string, identityFolder: string): Promise<HeldCall> {
    const [identity, ca] = await Promise.all([
      readFile(join(identityFolder, 'identity.pem')),
      readFile(join(identityFolder, 'ca.pem')),
    ]);
    const session = connect(`https://${address}`, { key: identity, cert: identity, ca });
    // A server that is killed resets the connection; the test looks at the server, not at this end.
    session.on('error', () => undefined);
    await once(session, 'connect');
    const stream = session.request(
      {
        ':method': 'POST',
        ':path': '/holdfast.metadata.v1.Status/Get',
        'content-type': 'application/grpc',
        te: 'trailers',
        'grpc-timeout': '60S',
      },
      { endStream: false },
    );
    stream.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => {
      session.ping((error) => (error === null ? resolve() : reject(error)));
    });
    return new HeldCall(session, stream);
  }

  /** Sends the rest and answers the gRPC status. */
  async finish(): Promise<string> {
    const trailers = once(this.#stream, 'trailers') as Promise<[Readonly<Record<string, string>>]>;
    this.#stream.resume();
    this.#stream.end(emptyMessage);
    const [{ 'grpc-status': status = '' }] = await trailers;
    this.#session.close();
    return status;
  }

  abandon(): void {
    this.#session.destroy();
  }
}
