// The table of commands, in the order in which help lists them. A command is one file; a row here makes it exist.
import type { Command } from './command.ts';
import { completion } from './completion.ts';
import { pkiInit } from './pki/init.ts';
import { pkiIssue } from './pki/issue.ts';
import { pkiRenew } from './pki/renew.ts';
import { pkiRevoke } from './pki/revoke.ts';
import { pkiShow } from './pki/show.ts';
import { status } from './status.ts';

export const commands: readonly Command[] = [status, pkiInit, pkiIssue, pkiShow, pkiRenew, pkiRevoke, completion];
