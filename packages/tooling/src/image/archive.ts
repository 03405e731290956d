// The image as one file, in the form that `docker load`, `ctr images import` and `kind load image-archive` take. The same
// layers give the same bytes: entries are sorted, owned by root, and have the one time that settle() gave them.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { sha256Of } from './cache.ts';
import type { ImageConfig } from './image-config.ts';

export interface ArchiveOptions {
  /** Folders, lowest first. */
  readonly layers: readonly string[];
  readonly config: ImageConfig;
  readonly tag: string;
  readonly target: string;
}

export function writeArchive({ layers, config, tag, target }: ArchiveOptions): void {
  const work = mkdtempSync(join(tmpdir(), 'holdfast-archive-'));
  try {
    const names = layers.map((folder, index) => {
      const name = `layer${index}.tar`;
      pack(folder, ['.'], join(work, name));
      return name;
    });
    const digests = names.map((name) => `sha256:${sha256Of(join(work, name))}`);
    const rootfs = { type: 'layers', diff_ids: digests };
    writeFileSync(join(work, 'config.json'), JSON.stringify({ ...config, rootfs }));
    const manifest = [{ Config: 'config.json', RepoTags: [tag], Layers: names }];
    writeFileSync(join(work, 'manifest.json'), JSON.stringify(manifest));
    pack(work, ['--mtime=@0', 'manifest.json', 'config.json', ...names], join(work, 'image.tar'));
    mkdirSync(dirname(target), { recursive: true });
    // By way of the target's own file system: only there can the whole take its place at once.
    execFileSync('mv', [join(work, 'image.tar'), `${target}.${process.pid}`]);
    renameSync(`${target}.${process.pid}`, target);
  } finally {
    rmSync(work, { recursive: true });
  }
}

function pack(folder: string, words: readonly string[], target: string): void {
  const sameEverywhere = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner'];
  execFileSync('tar', [...sameEverywhere, '-C', folder, '-cf', target, ...words]);
}
