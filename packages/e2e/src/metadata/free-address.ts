// A loopback address that is free at this moment: members of a group are told of each other's before they listen.
import { createServer } from 'node:net';
import { listenOnPort } from '@holdfast/base';

export async function freeAddress(): Promise<string> {
  const server = createServer();
  const address = await listenOnPort(server, { kind: 'tcp', host: '127.0.0.1', port: 0 });
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return address;
}
