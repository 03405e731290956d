// What stands in the data of the entries that the core itself reads: configurations and cluster versions, as JSON, because a
// person with a dump of the log must be able to read who was a member. A leaf; bytes from elsewhere are checked before they
// are believed.
import { OpError } from '@holdfast/base';
import { configurationProblem, type Configuration } from './configuration.ts';
import type { Entry } from './entry.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export function encodeConfiguration({ voters, outgoing, learners, learnersNext }: Configuration): Uint8Array {
  return encoder.encode(JSON.stringify({ voters, outgoing, learners, learnersNext }));
}

export function decodeConfiguration(data: Uint8Array): Configuration {
  const read = parse(data) as Partial<Configuration> | null;
  const lists = [read?.voters, read?.outgoing, read?.learners, read?.learnersNext];
  if (read === null || !lists.every((list) => Array.isArray(list)))
    throw malformed('a configuration without its lists');
  const problem = configurationProblem(read as Configuration);
  if (problem !== null) throw malformed(`a configuration with ${problem}`);
  // Only who was never told of any has none: no entry takes everybody away.
  if ((read as Configuration).voters.length === 0) throw malformed('a configuration with no voter');
  return read as Configuration;
}

export function encodeVersion(version: number): Uint8Array {
  return encoder.encode(JSON.stringify(version));
}

export function decodeVersion(data: Uint8Array): number {
  const read = parse(data);
  if (!Number.isSafeInteger(read) || (read as number) < 1)
    throw malformed('a cluster version that is no number from 1');
  return read as number;
}

/** Throws the table's error if the core could not read this entry later. */
export function checkPayload({ kind, data }: Entry): void {
  if (kind === 'configuration') decodeConfiguration(data);
  if (kind === 'version') decodeVersion(data);
}

function parse(data: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(data));
  } catch (error) {
    throw malformed('an entry that is no JSON', error);
  }
}

function malformed(reason: string, cause?: unknown): OpError {
  return new OpError('RAFT_MESSAGE_MALFORMED', { reason }, { cause });
}
