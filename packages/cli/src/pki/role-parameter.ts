// The argument ROLE of the pki commands. Its choices stand here as text, because the list in rpc is costly to import for help;
// a test holds the two together.
import { OpError } from '@holdfast/base';
import type { Role } from '@holdfast/rpc';
import type { Parameter } from '../command.ts';

export const roleParameter = {
  name: 'ROLE',
  summary: 'what the holder is: metadata, agent, csi, operator or admin',
  required: true,
  choices: ['metadata', 'agent', 'csi', 'operator', 'admin'],
} as const satisfies Parameter;

export async function toRole(word: string | null): Promise<Role> {
  const { isRole } = await import('@holdfast/rpc');
  if (word === null) throw new OpError('ARGUMENT_MISSING', { command: 'pki', argument: roleParameter.name });
  if (!isRole(word)) throw new OpError('ARGUMENT_WRONG', { argument: roleParameter.name, reason: `cannot be ${word}` });
  return word;
}
