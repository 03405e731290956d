// Everything that can stand after `holdfast`: the roles, what is about them, and the commands of cli.
import { commands, type Command } from '@holdfast/cli';
import { audit } from './commands/audit.ts';
import { configCommands } from './commands/config.ts';
import { logCommands } from './commands/log/index.ts';
import { metadataCommands } from './commands/metadata/index.ts';
import { nodeCommands } from './commands/nodes/index.ts';
import { quickstart } from './commands/quickstart.ts';
import { settingCommands } from './commands/settings.ts';
import { storageCommands } from './commands/storage/index.ts';
import { roles } from './roles.ts';

export const roleCommands: readonly Command[] = roles.map(({ command }) => command);

export const commandTable: readonly Command[] = [
  ...roleCommands,
  quickstart,
  ...configCommands(roles),
  ...metadataCommands,
  ...storageCommands,
  ...nodeCommands,
  ...settingCommands,
  audit,
  ...logCommands,
  ...commands,
];
