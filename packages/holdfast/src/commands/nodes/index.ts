// The commands about nodes and their sessions.
import type { Command } from '@holdfast/cli';
import { nodeForget } from './node-forget.ts';
import { nodeList } from './node-list.ts';
import { nodeOff } from './node-off.ts';
import { sessionOverride } from './session-override.ts';

export const nodeCommands: readonly Command[] = [nodeList, nodeOff, nodeForget, sessionOverride];
