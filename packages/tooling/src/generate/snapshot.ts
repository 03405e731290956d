// The content of sets of files as hashes, for telling what a generator changed and whether it has anything to do.
import { createHash } from 'node:crypto';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Path → hash of its content. */
export type Snapshot = ReadonlyMap<string, string>;

export function takeSnapshot(root: string, globs: readonly string[]): Snapshot {
  const exclude = (path: string): boolean => /(^|\/)node_modules(\/|$)/.test(path);
  const paths = globSync([...globs], { cwd: root, exclude }).filter((path) => statSync(join(root, path)).isFile());
  return new Map(
    paths.toSorted().map(
      (path) =>
        [
          path,
          createHash('sha256')
            .update(readFileSync(join(root, path)))
            .digest('hex'),
        ] as const,
    ),
  );
}

/** Paths that differ, with what happened to them on the way from `before` to `after`. */
export function compareSnapshots(before: Snapshot, after: Snapshot): string[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].toSorted();
  return paths.flatMap((path) => {
    if (!before.has(path)) return [`${path} was missing`];
    if (!after.has(path)) return [`${path} is no longer generated`];
    return before.get(path) === after.get(path) ? [] : [`${path} was stale`];
  });
}

export function digest(...snapshots: readonly Snapshot[]): string {
  const hash = createHash('sha256').update(process.version);
  for (const snapshot of snapshots) hash.update(JSON.stringify([...snapshot]));
  return hash.digest('hex');
}
