// The flags by which a server's directory is made: who it is, where it lies, and where others will reach it.
import { formatAddress, OpError, parseAddress } from '@holdfast/base';
import { openKeeper, toPath, type Flag, type FlagTable, type System } from '@holdfast/cli';
import { resolve } from 'node:path';

export const homeFlags = {
  certificates: {
    value: 'DIR',
    summary: "the folder of the server's identity, as made by holdfast pki issue metadata",
    unit: null,
    default: null,
    required: true,
  },
  data: {
    value: 'DIR',
    summary: 'the directory to make, which will be the --data of holdfast metadata',
    unit: null,
    default: null,
    required: true,
  },
  'peer-address': {
    value: 'ADDR',
    summary: 'where the other members will reach it, HOST:PORT',
    unit: null,
    default: '127.0.0.1:7401',
  },
  'api-address': {
    value: 'ADDR',
    summary: 'where its API will be reached, HOST:PORT',
    unit: null,
    default: '127.0.0.1:7400',
  },
} as const satisfies FlagTable & Record<string, Flag>;

export interface HomeFlags {
  readonly certificates: string;
  readonly data: string;
  readonly 'peer-address': string;
  readonly 'api-address': string;
}

export interface AskedHome {
  readonly directory: string;
  readonly cluster: string;
  readonly name: string;
  readonly peerAddress: string;
  readonly apiAddress: string;
}

/** Throws for an identity of another role, and for an address that nobody could reach. */
export async function readHomeFlags(flags: HomeFlags, system: System): Promise<AskedHome> {
  const keeper = await openKeeper(flags.certificates, system);
  const { identity } = keeper.current;
  await keeper.stop();
  if (identity.role !== 'metadata') {
    throw new OpError('CERTIFICATE_WRONG_ROLE', {
      directory: flags.certificates,
      found: identity.role,
      role: 'metadata',
    });
  }
  const peerAddress = readReachable('--peer-address', flags['peer-address']);
  const apiAddress = readReachable('--api-address', flags['api-address']);
  if (apiAddress === peerAddress) {
    throw new OpError('FLAG_WRONG', { flag: '--api-address', reason: 'is the --peer-address, too' });
  }
  const { cluster, name } = identity;
  return { directory: resolve(toPath(flags.data, system)), cluster, name, peerAddress, apiAddress };
}

function readReachable(flag: string, text: string): string {
  const address = parseAddress(text);
  if (address.kind !== 'tcp') throw new OpError('FLAG_WRONG', { flag, reason: 'is no HOST:PORT' });
  if (address.port === 0) throw new OpError('FLAG_WRONG', { flag, reason: 'needs a port that others can know' });
  if (unspecified.test(address.host)) {
    const reason = `is where others reach this server, and nobody is reached at ${address.host}`;
    throw new OpError('FLAG_WRONG', { flag, reason });
  }
  return formatAddress(address);
}

/** Every address of a machine: to listen there, it says something. */
const unspecified = /^(0\.0\.0\.0|[0:]+)$/;
