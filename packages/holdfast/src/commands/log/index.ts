// The commands that look at a log on the disk.
import type { Command } from '@holdfast/cli';
import { logDump } from './dump.ts';
import { logRepair } from './repair.ts';
import { logStat } from './stat.ts';
import { logVerify } from './verify.ts';

export const logCommands: readonly Command[] = [logDump, logVerify, logStat, logRepair];
