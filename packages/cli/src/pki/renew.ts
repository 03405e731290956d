// `holdfast pki renew`: a fresh certificate for an identity whose holder does not run, or did not for too long. One that runs
// renews its certificate itself.
import { defineCommand, type FlagTable } from '../command.ts';
import { readDurationMs } from '../duration-flag.ts';
import { outputFlag, printDocument } from '../table.ts';
import { authorityFlag, formatTime, lifeFlag, openAuthority, toPath } from './authority-folder.ts';

const flags = { authority: authorityFlag, life: lifeFlag, output: outputFlag } as const satisfies FlagTable;

export const pkiRenew = defineCommand({
  name: 'pki renew',
  summary: 'issue a further certificate into the folder of an identity',
  details: ['A process that runs with the folder takes the certificate over without a restart.'],
  parameters: [{ name: 'DIR', summary: "the identity's folder", required: true }],
  flags,
  async run({ flags: { authority: folder, life, output }, parameters, system }) {
    const { certificateFilesIn, FileCertificateStore } = await import('@holdfast/rpc');
    const directory = toPath(parameters[0] ?? '', system);
    const store = new FileCertificateStore(certificateFilesIn(directory));
    const authority = await openAuthority(folder, system);
    const identityPem = (await store.load())?.identityPem ?? '';
    const renewed = await authority.renew(identityPem, readDurationMs('--life', life));
    await store.saveIdentity(renewed.keyPem + renewed.certificatePem);
    const notAfter = formatTime(renewed.notAfterMs);
    if (await printDocument(system, output, { directory, serial: renewed.serial, notAfter })) return;
    system.print(`renewed the certificate in ${directory}; it holds until ${notAfter}`);
  },
});
