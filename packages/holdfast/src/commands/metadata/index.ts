// The commands about the group of metadata servers.
import type { Command } from '@holdfast/cli';
import { metadataAdd } from './add.ts';
import { metadataBackup } from './backup.ts';
import { metadataFinalize } from './finalize.ts';
import { metadataHash } from './hash.ts';
import { metadataInit } from './init.ts';
import { metadataJoin } from './join.ts';
import { metadataMembers } from './members.ts';
import { metadataPromote } from './promote.ts';
import { metadataRemove } from './remove.ts';
import { metadataRestore } from './restore.ts';
import { metadataStatus } from './status.ts';
import { metadataTransfer } from './transfer.ts';

export const metadataCommands: readonly Command[] = [
  metadataInit,
  metadataAdd,
  metadataJoin,
  metadataMembers,
  metadataPromote,
  metadataTransfer,
  metadataRemove,
  metadataStatus,
  metadataHash,
  metadataBackup,
  metadataRestore,
  metadataFinalize,
];
