// The Node binary of an architecture: this process's own where it is that one, else the npm package's, as make setup has it.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { arch } from 'node:process';
import { join } from 'node:path';
import { root } from '../root.ts';
import { cacheFolder } from './cache.ts';
import type { Architecture } from './system-files.ts';

/** How Node calls an architecture, and with it packages of native parts. */
export const nodeNames: Readonly<Record<Architecture, string>> = { amd64: 'x64', arm64: 'arm64' };

export const ownArchitecture = (): Architecture => {
  if (arch === 'x64') return 'amd64';
  if (arch === 'arm64') return 'arm64';
  throw new Error(`there is no image for ${arch}; Holdfast runs on amd64 and arm64`);
};

export function nodeVersion(): string {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { engines: { node: string } };
  const version = /^>=([\d.]+) /.exec(engines.node)?.[1];
  if (version === undefined) throw new Error(`package.json names no exact Node: ${engines.node}`);
  return version;
}

export function fetchNode(architecture: Architecture): string {
  if (architecture === ownArchitecture()) return process.execPath;
  const name = `node-linux-${nodeNames[architecture]}`;
  const version = nodeVersion();
  const folder = join(cacheFolder, `${name}-${version}`);
  const binary = join(folder, 'package/bin/node');
  if (existsSync(binary)) return binary;
  mkdirSync(cacheFolder, { recursive: true });
  const part = mkdtempSync(`${folder}.`);
  try {
    const words = ['pack', '--silent', '--ignore-scripts', `${name}@${version}`];
    const packed = execFileSync('npm', words, { cwd: part, encoding: 'utf8' }).trim();
    execFileSync('tar', ['-xzf', packed, 'package/bin/node'], { cwd: part });
    rmSync(join(part, packed));
    if (!existsSync(folder)) renameSync(part, folder);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  return binary;
}
