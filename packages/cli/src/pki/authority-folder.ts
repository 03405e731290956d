// What the pki commands share: where the authority and the issued identities lie, and how times are told to a person.
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Authority } from '@holdfast/rpc';
import type { Flag, System } from '../command.ts';

export const authorityFlag = {
  value: 'DIR',
  summary: "the authority's folder",
  unit: null,
  default: '~/.holdfast/authority',
} as const satisfies Flag;

export const lifeFlag = {
  value: 'DURATION',
  summary: 'how long the certificate holds',
  unit: 'duration',
  default: '30d',
} as const satisfies Flag;

/** A path as a person writes it: ~/ is the home folder also where no shell replaced it. */
export function toPath(text: string, system: System): string {
  return text.startsWith('~/') ? join(system.environment['HOME'] ?? homedir(), text.slice(2)) : text;
}

/** Where an identity goes unless --out says otherwise. */
export function identityFolder(role: string, name: string, system: System): string {
  return toPath(`~/.holdfast/${role}-${name}`, system);
}

export async function openAuthority(text: string, system: System): Promise<Authority> {
  const { Authority } = await import('@holdfast/rpc');
  return Authority.open({ directory: toPath(text, system), clock: system.clock, random: system.random });
}

/** 2026-01-02T03:04:05Z */
export function formatTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** A path in a command that a person is to type. */
export function shellWord(text: string): string {
  return /^[\w./:=@~-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
