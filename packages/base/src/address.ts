// Addresses as the configuration writes them: `host:port`, `[ipv6]:port`, `unix:/absolute/path`.
import { OpError } from './op-error.ts';

export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** sun_path holds 108 bytes, the last of them zero. */
export const socketPathLimitBytes = 107;

const hostAndPort = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]:/\s]+)):(\d{1,5})$/;
const unixPrefix = 'unix:';

export function parseAddress(text: string): Address {
  if (text.startsWith(unixPrefix)) return { kind: 'unix', path: checkedPath(text) };
  const match = hostAndPort.exec(text);
  const host = match?.[1] ?? match?.[2] ?? null;
  const port = Number(match?.[3]);
  if (host === null || port > 65_535) throw new OpError('ADDRESS_MALFORMED', { address: JSON.stringify(text) });
  return { kind: 'tcp', host, port };
}

export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return unixPrefix + address.path;
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

function checkedPath(text: string): string {
  const path = text.slice(unixPrefix.length);
  if (!path.startsWith('/')) throw new OpError('ADDRESS_MALFORMED', { address: JSON.stringify(text) });
  const length = Buffer.byteLength(path);
  if (length <= socketPathLimitBytes) return path;
  throw new OpError('SOCKET_PATH_TOO_LONG', { path, length, limit: socketPathLimitBytes });
}
