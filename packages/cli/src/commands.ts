// The table of commands, in the order in which help lists them. A command is one file; a row here makes it exist.
import type { Command } from './command.ts';
import { completion } from './completion.ts';

export const commands: readonly Command[] = [completion];
