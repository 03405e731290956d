import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { freeAddress } from './free-address.ts';
import { listenOnPort } from './listen.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const portOf = (address: string): number => Number(/^127\.0\.0\.1:(\d+)$/.exec(address)?.[1]);

test('whoever is given an address can listen there', async () => {
  for (let at = 0; at < 20; at++) {
    const address = await freeAddress();
    const server = createServer();
    servers.push(server);
    expect(await listenOnPort(server, { kind: 'tcp', host: '127.0.0.1', port: portOf(address) })).toBe(address);
  }
});

test('such an address lies below those that the system gives to connections, and Kubernetes to services', async () => {
  for (let at = 0; at < 20; at++) expect(portOf(await freeAddress())).toBeLessThan(30_000);
});
