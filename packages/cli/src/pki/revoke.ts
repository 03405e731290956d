// `holdfast pki revoke`: puts certificates onto the list that every role re-reads.
import { join } from 'node:path';
import { OpError } from '@holdfast/base';
import { defineCommand, type FlagTable } from '../command.ts';
import { outputFlag, printDocument } from '../table.ts';
import { authorityFlag, openAuthority, shellWord, toPath } from './authority-folder.ts';
import { roleParameter, toRole } from './role-parameter.ts';

const flags = {
  authority: authorityFlag,
  node: { value: 'NODE', summary: "the node in the holder's certificate", unit: null, default: null },
  output: outputFlag,
  reason: { value: 'TEXT', summary: 'why, for the people who come later', unit: null, default: 'not said' },
  serial: { value: 'HEX', summary: 'revoke only this certificate, not the holder', unit: null, default: null },
} as const satisfies FlagTable;

export const pkiRevoke = defineCommand({
  name: 'pki revoke',
  summary: 'refuse the certificates of a holder from now on',
  details: [
    'Names a holder (ROLE NAME), of whom every living certificate is revoked, or one certificate (--serial).',
    'A server refuses it within a second of seeing the list; the list has to reach the server (docs/how-to/revoke-a-node.md).',
  ],
  parameters: [
    { ...roleParameter, required: false },
    { name: 'NAME', summary: "the holder's name within the role", required: false },
  ],
  flags,
  async run({ flags: given, parameters: [role = null, name = null], system }) {
    const { authorityFiles, formatIdentity } = await import('@holdfast/rpc');
    const isBySerial = given.serial !== null;
    if (!isBySerial && name === null) {
      throw new OpError('ARGUMENT_MISSING', { command: 'pki revoke', argument: role === null ? 'ROLE' : 'NAME' });
    }
    if (isBySerial && role !== null)
      throw new OpError('ARGUMENT_UNEXPECTED', { command: 'pki revoke', argument: role });
    const authority = await openAuthority(given.authority, system);
    const target =
      given.serial === null
        ? { identity: { cluster: authority.cluster, role: await toRole(role), name: name ?? '', node: given.node } }
        : { serial: given.serial };
    const count = await authority.revoke(target, given.reason);
    const what = 'serial' in target ? target.serial : formatIdentity(target.identity);
    const list = join(toPath(given.authority, system), authorityFiles.revocations);
    if (await printDocument(system, given.output, { revoked: what, certificates: count, list })) return;
    system.print(count === 0 ? `nothing to revoke: no certificate of ${what} is valid` : `revoked ${count} of ${what}`);
    if (count > 0) system.remark(`next: cp ${shellWord(list)} into the certificates' folder of every server`);
  },
});
