// Waits until a server of Node's listens, and says in the table's words why it cannot.
import type { AddressInfo, ListenOptions, Server } from 'node:net';
import { formatAddress, type Address } from './address.ts';
import { invariant } from './invariant.ts';
import { isOpError, OpError } from './op-error.ts';
import { messageOf, systemErrorCode } from './system-error.ts';

/** Listens on a TCP address; answers with the address that it got, whose port the system chose when 0 was asked for. */
export async function listenOnPort(server: Server, address: Address & { kind: 'tcp' }): Promise<string> {
  try {
    await listening(server, { host: address.host, port: address.port });
  } catch (error) {
    throw listenError(formatAddress(address), error);
  }
  const bound: AddressInfo | string | null = server.address();
  invariant(bound !== null && typeof bound === 'object', 'a TCP server has an address');
  return formatAddress({ ...address, port: bound.port });
}

export async function listening(server: Server, options: ListenOptions): Promise<void> {
  await new Promise<null>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve(null);
    });
  });
}

export function listenError(address: string, error: unknown): OpError {
  if (isOpError(error)) return error;
  if (systemErrorCode(error) === 'EADDRINUSE') {
    return new OpError('LISTEN_ADDRESS_IN_USE', { address }, { cause: error });
  }
  return new OpError(
    'LISTEN_ADDRESS_UNUSABLE',
    { address, reason: systemErrorCode(error) ?? messageOf(error) },
    { cause: error },
  );
}
