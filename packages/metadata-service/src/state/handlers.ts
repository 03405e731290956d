// Which function carries out which command. Each is deterministic and bounded, throws an OpError before it has changed anything, and
// answers what the table of commands says.
import { openClient, forgetClients } from './clients.ts';
import { certify, clearTaint, release, silenceSession, statePoweredOff, taintNode } from './certificates.ts';
import type { Command, CommandKind, CommandOf, ResultOf } from './commands.ts';
import { allocate, convert, discard, returnLeases } from './conversions.ts';
import { forgetNode } from './forgotten-nodes.ts';
import { openPool, proveGeneration, raiseGeneration } from './generations.ts';
import { publish, stage, unpublish } from './grants.ts';
import { deleteGroup, intendGroup } from './groups.ts';
import { acknowledge, commitIntent, intend, withdrawIntent } from './intents.ts';
import { admitMember, forgetMember, foundMember, inviteMember } from './members.ts';
import { beginOperation, endOperation } from './operations.ts';
import { addDevice, createPool, setPoolLimits, setSetting } from './pools.ts';
import { reclaim } from './reclaim.ts';
import { endSession, registerNode, resumeSession } from './sessions.ts';
import type { State } from './state.ts';
import { cloneVolume, createVolume, deleteSnapshot, deleteVolume, expandVolume, modifyVolume } from './volumes.ts';

type Handlers = { readonly [Kind in CommandKind]: (state: State, command: CommandOf<Kind>) => ResultOf<Kind> };

const handlers: Handlers = {
  openClient,
  forgetClients,
  setSetting,
  beginOperation,
  endOperation,
  reclaim,
  createPool,
  addDevice,
  setPoolLimits,
  createVolume,
  expandVolume,
  deleteVolume,
  deleteSnapshot,
  cloneVolume,
  allocate,
  convert,
  discard,
  returnLeases,
  modifyVolume,
  registerNode,
  resumeSession,
  endSession,
  certifySession: certify,
  silenceSession,
  statePoweredOff,
  taintNode,
  clearTaint,
  forgetNode,
  publish,
  unpublish,
  stage,
  release,
  intend,
  acknowledge,
  commitIntent,
  intendGroup,
  deleteGroup,
  withdrawIntent,
  raiseGeneration,
  proveGeneration,
  openPool,
  foundMember,
  inviteMember,
  admitMember,
  forgetMember,
};

export function handle(state: State, command: Command): ResultOf<CommandKind> {
  const handler = handlers[command.kind] as (state: State, command: Command) => ResultOf<CommandKind>;
  return handler(state, command);
}
