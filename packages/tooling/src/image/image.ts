// The container image: what is not ours (system.ts) and what is (program.ts), as two layers, because the lower one stays the
// same from release to release and is then neither sent nor stored again. `make image` packs the layers and lays them over
// each other as one tree; the Dockerfile copies them.
import { cpSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { settle } from './files.ts';
import type { Pins } from './pins.ts';
import { buildProgram } from './program.ts';
import { buildSystem } from './system.ts';
import { ownFolders, type Architecture } from './system-files.ts';

export const layerNames = ['system', 'program'] as const;

export interface LayersOptions {
  /** The checkout. */
  readonly root: string;
  readonly pins: Pins;
  readonly architecture: Architecture;
  /** What --version says; null where nobody knows. */
  readonly commit: string | null;
  /** The folder that gets a folder for each layer. */
  readonly target: string;
}

export async function buildLayers({ root, pins, architecture, commit, target }: LayersOptions): Promise<void> {
  const [system, program] = layerNames.map((name) => join(target, name)) as [string, string];
  for (const folder of [system, program]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  await buildProgram({ root, architecture, target: program, commit });
  buildSystem({ pins, architecture, program, target: system });
  for (const folder of [system, program]) settle(folder, { date: pins.date, folderModes: ownFolders });
}

/** Uses the layers up. */
export function mergeLayers(layers: string, { date }: Pins, target: string): void {
  const [system, program] = layerNames.map((name) => join(layers, name)) as [string, string];
  cpSync(program, system, { recursive: true, verbatimSymlinks: true });
  settle(system, { date, folderModes: ownFolders });
  rmSync(target, { recursive: true, force: true });
  renameSync(system, target);
  rmSync(layers, { recursive: true });
}
