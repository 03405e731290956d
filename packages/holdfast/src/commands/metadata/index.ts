// The commands about the group of metadata servers.
import type { Command } from '@holdfast/cli';
import { metadataBackup } from './backup.ts';
import { metadataFinalize } from './finalize.ts';
import { metadataHash } from './hash.ts';
import { metadataInit } from './init.ts';
import { metadataInvite } from './invite.ts';
import { metadataJoin } from './join.ts';
import { metadataMembers } from './members.ts';
import { metadataPromote } from './promote.ts';
import { metadataRemove } from './remove.ts';
import { metadataRestore } from './restore.ts';
import { metadataStatus } from './status.ts';
import { metadataTransfer } from './transfer.ts';

export const metadataCommands: readonly Command[] = [
  metadataInit,
  metadataInvite,
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
