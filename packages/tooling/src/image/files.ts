// What node:fs leaves to do when a tree is made that must be the same everywhere.
import { chmodSync, lstatSync, lutimesSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';

/** Whether something lies there, if only a link that leads nowhere yet. */
export const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/** All that lies below a folder, by path from there, a folder before what it holds. */
export function* walk(folder: string, below = ''): Generator<readonly [path: string, stats: Stats]> {
  for (const name of readdirSync(join(folder, below)).toSorted()) {
    const path = join(below, name);
    const stats = lstatSync(join(folder, path));
    yield [path, stats];
    if (stats.isDirectory()) yield* walk(folder, path);
  }
}

export const filesBelow = (folder: string): string[] =>
  [...walk(folder)].filter(([, stats]) => stats.isFile()).map(([path]) => path);

export interface Settlement {
  /** The time of everything. */
  readonly date: string;
  /** Modes of the folders that are not for all to enter and one to write. */
  readonly folderModes: Readonly<Record<string, number>>;
}

/** Times and modes that depend neither on the day nor on the umask; no program gains rights by being started. */
export function settle(folder: string, { date, folderModes }: Settlement): void {
  const timeSeconds = Date.parse(date) / 1000;
  const set = (path: string, stats: Stats): void => {
    const full = join(folder, path);
    if (stats.isDirectory()) chmodSync(full, folderModes[path] ?? 0o755);
    if (stats.isFile()) chmodSync(full, stats.mode & 0o111 ? 0o755 : 0o644);
    lutimesSync(full, timeSeconds, timeSeconds);
  };
  for (const [path, stats] of [...walk(folder)].toReversed()) set(path, stats);
  set('', lstatSync(folder));
}
