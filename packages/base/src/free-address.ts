// A loopback address that is free at this moment, for servers of tests that are told of each other's before they listen. From 32768 on the
// system gives ports to whoever makes a connection, so one of those may be gone a moment later; these lie below, and below those
// that Kubernetes gives.
import { createServer } from 'node:net';
import { listenOnPort } from './listen.ts';
import { isOpError } from './op-error.ts';
import { RealRandom } from './real-random.ts';

const firstPort = 16_384;
const ports = 13_000;
const random = new RealRandom();

export async function freeAddress(): Promise<string> {
  for (;;) {
    const server = createServer();
    try {
      const port = firstPort + random.below(ports);
      const address = await listenOnPort(server, { kind: 'tcp', host: '127.0.0.1', port });
      await new Promise<void>((resolve) => server.close(() => resolve()));
      return address;
    } catch (error) {
      if (!isOpError(error) || error.code !== 'LISTEN_ADDRESS_IN_USE') throw error;
    }
  }
}
