// The commands about nodes and their sessions.
import type { Command } from '@holdfast/cli';
import { nodeList } from './node-list.ts';
import { nodeOff } from './node-off.ts';
import { sessionOverride } from './session-override.ts';

export const nodeCommands: readonly Command[] = [nodeList, nodeOff, sessionOverride];
