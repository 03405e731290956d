// `holdfast pki show`: what an authority issued and in which state that is.
import { defineCommand, type FlagTable } from '../command.ts';
import { outputFlag, printListing, type Column } from '../table.ts';
import { authorityFlag, formatTime, openAuthority } from './authority-folder.ts';

const flags = {
  all: { value: null, summary: 'also certificates that have ended', unit: null, default: null },
  authority: authorityFlag,
  output: outputFlag,
} as const satisfies FlagTable;

interface Row {
  readonly identity: string;
  readonly serial: string;
  readonly state: 'valid' | 'revoked' | 'ended';
  readonly notAfter: string;
  readonly reason: string | null;
}

const columns: readonly Column<Row>[] = [
  { header: 'IDENTITY', cell: ({ identity }) => identity },
  { header: 'STATE', cell: ({ state }) => state },
  { header: 'ENDS', cell: ({ notAfter }) => notAfter },
  { header: 'REASON', cell: ({ reason }) => reason ?? '' },
  { header: 'SERIAL', wide: true, cell: ({ serial }) => serial },
];

export const pkiShow = defineCommand({
  name: 'pki show',
  summary: 'list what an authority issued and revoked',
  flags,
  async run({ flags: { all, authority: folder, output }, system }) {
    const authority = await openAuthority(folder, system);
    const [register, revocations] = await Promise.all([authority.register(), authority.revocations()]);
    const nowMs = system.clock.wallMs();
    const rows = register.map(({ identity, serial, notAfterMs }): Row => {
      const revocation = revocations.find(serial);
      const state = notAfterMs <= nowMs ? 'ended' : revocation === null ? 'valid' : 'revoked';
      return { identity, serial, state, notAfter: formatTime(notAfterMs), reason: revocation?.reason ?? null };
    });
    const shown = all ? rows : rows.filter(({ state }) => state !== 'ended');
    const document = {
      cluster: authority.cluster,
      notAfter: formatTime(authority.certificate.notAfterMs),
      generation: revocations.generation,
      certificates: shown,
    };
    await printListing(system, { format: output, columns, rows: shown, document });
  },
});
