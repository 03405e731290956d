// Addresses as the configuration writes them: `unix:/path/of.sock`, `host:port`, `[ipv6]:port`.
import { OpError } from '@holdfast/base';

export type Address =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** sun_path holds 108 bytes with its terminating zero. */
export const socketPathLimitBytes = 107;

const tcpPattern = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]:/]+)):(\d{1,5})$/;

export function parseAddress(text: string): Address {
  if (text.startsWith('unix:')) return parseSocketPath(text);
  const match = tcpPattern.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || !(port <= 65_535)) {
    throw new OpError('ADDRESS_MALFORMED', { address: JSON.stringify(text) });
  }
  return { kind: 'tcp', host, port };
}

function parseSocketPath(text: string): Address {
  const path = text.slice('unix:'.length);
  if (!path.startsWith('/')) throw new OpError('ADDRESS_MALFORMED', { address: JSON.stringify(text) });
  const length = Buffer.byteLength(path);
  if (length > socketPathLimitBytes) {
    throw new OpError('SOCKET_PATH_TOO_LONG', { path, length, limit: socketPathLimitBytes });
  }
  return { kind: 'unix', path };
}

export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}
