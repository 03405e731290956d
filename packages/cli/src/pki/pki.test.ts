import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { roles } from '@holdfast/rpc';
import type { Call } from '../command.ts';
import { commands } from '../commands.ts';
import { findCommand, parseLine } from '../parse.ts';
import { flagsOf } from '../command.ts';
import { recordingSystem } from '../testing.ts';
import { shellWord, toPath } from './authority-folder.ts';
import { roleParameter } from './role-parameter.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-pki-'));
  await run('pki', 'init', '--authority', join(folder, 'authority'));
});
afterEach(async () => rm(folder, { recursive: true }));

interface Printed {
  readonly output: string;
  readonly remarks: string;
}

/** Runs a command of the table at the present wall time. */
async function run(...words: string[]): Promise<Printed> {
  const { system, lines, remarks } = recordingSystem({ wallMs: Date.UTC(2026, 5, 1) });
  const { command, rest } = findCommand(commands, words);
  const line = parseLine(command, await flagsOf(command), rest);
  await command.run({ ...line, flags: line.flags as Call['flags'], system });
  return { output: lines.join('\n'), remarks: remarks.join('\n') };
}

const inFolder = async (...words: string[]): Promise<Printed> =>
  run(...words, '--authority', join(folder, 'authority'));

test('an authority and its identities are for their owner only, and the next command is named', async () => {
  const issued = await inFolder('pki', 'issue', 'metadata', 'm1', '--host', '127.0.0.1', '--out', join(folder, 'm1'));
  expect(issued.output).toMatch(
    /^issued holdfast:\/\/[-0-9a-f]{36}\/metadata\/m1 in .*; it holds until 2026-07-01T00:00:00Z$/,
  );
  expect(issued.remarks).toBe(`next: holdfast metadata --certificates ${join(folder, 'm1')}`);
  expect(await readdir(join(folder, 'm1'))).toEqual(['ca.pem', 'identity.pem', 'revoked.json']);
  expect((await stat(join(folder, 'm1', 'identity.pem'))).mode & 0o777).toBe(0o600);
  expect((await stat(join(folder, 'authority'))).mode & 0o777).toBe(0o700);
  await expect(inFolder('pki', 'init')).rejects.toMatchObject({ code: 'AUTHORITY_EXISTS' });
  await expect(inFolder('pki', 'issue', 'admin', 'ada', '--out', join(folder, 'm1'))).rejects.toMatchObject({
    code: 'CERTIFICATE_FILES_EXIST',
  });
});

test('show lists what was issued and in which state it is', async () => {
  await inFolder('pki', 'issue', 'admin', 'ada', '--out', join(folder, 'ada'), '--life', '1h');
  const { output } = await inFolder(
    'pki',
    'issue',
    'agent',
    'n1',
    '--node',
    'n1',
    '--out',
    join(folder, 'n1'),
    '-o',
    'json',
  );
  const { serial } = JSON.parse(output) as { serial: string };
  const revoked = await inFolder('pki', 'revoke', '--serial', serial, '--reason', 'lost');
  expect(revoked.output).toBe(`revoked 1 of ${serial}`);
  expect(revoked.remarks).toContain(join(folder, 'authority', 'revoked.json'));
  expect(JSON.parse((await inFolder('pki', 'show', '-o', 'json')).output)).toMatchObject({
    generation: 1,
    certificates: [
      { identity: expect.stringMatching(/\/admin\/ada$/), state: 'valid', notAfter: '2026-06-01T01:00:00Z' },
      { identity: expect.stringMatching(/\/agent\/n1\/n1$/), state: 'revoked', reason: 'lost' },
    ],
  });
});

test('revoking a holder takes every certificate of his, and only once', async () => {
  const ada = join(folder, 'ada');
  await inFolder('pki', 'issue', 'admin', 'ada', '--out', ada);
  const renewed = await inFolder('pki', 'renew', ada, '--life', '2h');
  expect(renewed.output).toBe(`renewed the certificate in ${ada}; it holds until 2026-06-01T02:00:00Z`);
  expect((await inFolder('pki', 'revoke', 'admin', 'ada')).output).toMatch(/^revoked 2 of .*\/admin\/ada$/);
  expect((await inFolder('pki', 'revoke', 'admin', 'ada')).output).toMatch(/^nothing to revoke/);
  await expect(inFolder('pki', 'renew', ada)).rejects.toMatchObject({ code: 'CERTIFICATE_REVOKED' });
});

test('what is wrong is said in one line', async () => {
  for (const [words, code] of [
    [['pki', 'issue', 'admin', 'ada', '--life', '30'], 'FLAG_WRONG'],
    [['pki', 'issue', 'admin', 'Ada Lovelace'], 'IDENTITY_INVALID'],
    [['pki', 'issue', 'admin', 'ada', '--host', 'x'], 'HOSTS_NOT_SERVED'],
    [['pki', 'revoke'], 'ARGUMENT_MISSING'],
    [['pki', 'revoke', 'admin'], 'ARGUMENT_MISSING'],
    [['pki', 'revoke', 'admin', 'nobody'], 'CERTIFICATE_NOT_ISSUED'],
    [['pki', 'revoke', 'admin', 'ada', '--serial', 'aa'], 'ARGUMENT_UNEXPECTED'],
    [['pki', 'renew', '/nowhere'], 'CERTIFICATE_UNREADABLE'],
  ] as const) {
    await expect(inFolder(...words)).rejects.toMatchObject({ code });
  }
  await expect(run('pki', 'show', '--authority', join(folder, 'none'))).rejects.toMatchObject({
    code: 'AUTHORITY_UNUSABLE',
  });
});

test('the roles that help names are the roles that there are', () => {
  expect(roleParameter.choices).toEqual(roles);
  expect(roleParameter.summary).toContain(`${roles.slice(0, -1).join(', ')} or ${roles.at(-1) ?? ''}`);
});

test('a path may begin at home, and a word for a shell is quoted where it must be', () => {
  const { system } = recordingSystem();
  expect(toPath('~/x', { ...system, environment: { HOME: '/home/ada' } })).toBe('/home/ada/x');
  expect(toPath('x~/y', system)).toBe('x~/y');
  expect(shellWord('/a/b-c.d')).toBe('/a/b-c.d');
  expect(shellWord("it's here")).toBe(`'it'\\''s here'`);
});
