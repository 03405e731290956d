// What a tree of files is, as lines that can be compared: path, kind, mode, owner, time, and a checksum or where a link leads.
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

export function listTree(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return ['.', ...names.toSorted()].map((path) => describeEntry(folder, path));
}

function describeEntry(folder: string, path: string): string {
  const full = join(folder, path);
  const stats = lstatSync(full);
  const seconds = Math.floor(stats.mtimeMs / 1000);
  return `/${path} ${stats.mode.toString(8)} ${stats.uid}:${stats.gid} @${seconds} ${contentOf(full)}`;
}

function contentOf(path: string): string {
  const stats = lstatSync(path);
  if (stats.isSymbolicLink()) return `-> ${readlinkSync(path)}`;
  if (!stats.isFile()) return '';
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Lines that only one of the two has, marked by whose they are. */
export function differences(left: readonly string[], right: readonly string[]): readonly string[] {
  const [ofLeft, ofRight] = [new Set(left), new Set(right)];
  return [
    ...left.filter((line) => !ofRight.has(line)).map((line) => `< ${line}`),
    ...right.filter((line) => !ofLeft.has(line)).map((line) => `> ${line}`),
  ];
}
