// `holdfast pki issue`: makes an identity, which is a folder with a key, its certificate, the authority to trust and the list
// of what is revoked. A process is started with that folder and keeps its certificate fresh by itself.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defineCommand, type FlagTable } from '../command.ts';
import { readDurationMs } from '../duration-flag.ts';
import { outputFlag, printDocument } from '../table.ts';
import {
  authorityFlag,
  formatTime,
  identityFolder,
  lifeFlag,
  openAuthority,
  shellWord,
  toPath,
} from './authority-folder.ts';
import { roleParameter, toRole } from './role-parameter.ts';

const flags = {
  authority: authorityFlag,
  host: {
    value: 'HOST',
    summary: 'a name or an address under which a metadata server is reached',
    unit: null,
    default: null,
    repeatable: true,
  },
  life: lifeFlag,
  node: { value: 'NODE', summary: 'the node that the holder runs on', unit: null, default: null },
  out: { value: 'DIR', summary: 'where the identity goes (default ~/.holdfast/ROLE-NAME)', unit: null, default: null },
  output: outputFlag,
} as const satisfies FlagTable;

export const pkiIssue = defineCommand({
  name: 'pki issue',
  summary: 'issue a certificate for a role',
  details: ['The identity is a folder; a process is started with it and renews the certificate in it by itself.'],
  parameters: [roleParameter, { name: 'NAME', summary: "the holder's name within the role", required: true }],
  flags,
  async run({ flags: given, parameters, system }) {
    const { authorityFiles, formatIdentity, writeCertificateFiles } = await import('@holdfast/rpc');
    const [role = null, name = null] = parameters;
    const authority = await openAuthority(given.authority, system);
    const identity = { cluster: authority.cluster, role: await toRole(role), name: name ?? '', node: given.node };
    const directory =
      given.out === null ? identityFolder(identity.role, identity.name, system) : toPath(given.out, system);
    const issued = await authority.issue({ identity, hosts: given.host, lifeMs: readDurationMs('--life', given.life) });
    await writeCertificateFiles(directory, {
      identityPem: issued.keyPem + issued.certificatePem,
      authoritiesPem: authority.certificatePem,
      revocations: await readFile(join(toPath(given.authority, system), authorityFiles.revocations), 'utf8'),
    });
    const notAfter = formatTime(issued.notAfterMs);
    const holder = formatIdentity(identity);
    if (await printDocument(system, given.output, { identity: holder, serial: issued.serial, directory, notAfter }))
      return;
    system.print(`issued ${holder} in ${directory}; it holds until ${notAfter}`);
    const next = nextCommand(identity.role, shellWord(directory));
    if (next !== null) system.remark(`next: ${next}`);
  },
});

function nextCommand(role: string, folder: string): string | null {
  if (role === 'metadata') return `holdfast metadata --certificates ${folder}`;
  if (role === 'admin') return `holdfast status --certificates ${folder} --server HOST:PORT`;
  return null;
}
