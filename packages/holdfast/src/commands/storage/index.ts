// The commands about what is stored, which read only.
import type { Command } from '@holdfast/cli';
import { poolList, poolShow } from './pool.ts';
import { snapshotList } from './snapshot.ts';
import { volumeList, volumeShow } from './volume.ts';

export const storageCommands: readonly Command[] = [poolList, poolShow, volumeList, volumeShow, snapshotList];
