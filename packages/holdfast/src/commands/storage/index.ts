// The commands about what is stored. All but one read only.
import type { Command } from '@holdfast/cli';
import { poolList, poolShow } from './pool.ts';
import { poolOpen } from './pool-open.ts';
import { snapshotList } from './snapshot.ts';
import { volumeList, volumeShow } from './volume.ts';

export const storageCommands: readonly Command[] = [poolList, poolShow, poolOpen, volumeList, volumeShow, snapshotList];
