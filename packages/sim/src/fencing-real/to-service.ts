// The model's commands as the service has them. An agent's go to the leader's part of sessions, a controller's are numbered; some
// take several. The time in a command is whoever proposes it's to fill in.
import { createHash } from 'node:crypto';
import { invariant } from '@holdfast/base';
import type { Command as ServiceCommand, CommandOf } from '@holdfast/metadata-service';
import type { Command, Convert, Evidence } from '../fencing/metadata/command.ts';
import type { KeyBook } from './key-book.ts';
import type { Layouts } from './pool-layout.ts';

type ServiceEvidence = CommandOf<'certifySession'>['evidence'];
type Of<Kind extends Command['kind']> = Extract<Command, { readonly kind: Kind }>;

export type Said =
  | { readonly way: 'agent'; readonly command: ServiceCommand }
  /** An unmap says besides at which revision it was first asked for. */
  | { readonly way: 'narrow'; readonly command: CommandOf<'intend'> }
  /** One after another, until one is refused. */
  | { readonly way: 'controller'; readonly commands: readonly ServiceCommand[] }
  /** There is nothing of this kind. */
  | { readonly way: 'nowhere' };

/** What the speaker knows beside its command. */
export interface Knowledge {
  readonly layouts: Layouts;
  readonly keys: KeyBook;
  /** As the controller made it. */
  readonly volume: (name: string) => { readonly pool: string; readonly tenant: string; readonly extents: number };
}

const atMs = 0;
const extentBytes = 1024 * 1024;
const noEvidence: ServiceEvidence = { readBacks: [], waitedInTerm: null };

export function sayToService(command: Command, knowledge: Knowledge): Said {
  return sayAsAgent(command, knowledge) ?? sayAsController(command, knowledge);
}

function sayAsAgent(command: Command, knowledge: Knowledge): Said | null {
  const said = agentCommand(command, knowledge);
  return said === null ? null : { way: 'agent', command: said };
}

function agentCommand(command: Command, knowledge: Knowledge): ServiceCommand | null {
  switch (command.kind) {
    case 'register':
      return registration(command);
    case 'resume':
      return { kind: 'resumeSession', session: command.session, secretHash: hashOf(command.secret) };
    case 'stage': {
      const { session, agent, volume, mode, lowerBound: leastEpoch } = command;
      return { kind: 'stage', session, agent, volume, leastEpoch, mode };
    }
    case 'release':
      return { ...command };
    case 'allocate': {
      const { session, agent, volume, epoch, count: extents } = command;
      return { kind: 'allocate', session, agent, volume, epoch, extents };
    }
    case 'convert':
      return conversion(command, knowledge);
    case 'acknowledge':
      return { ...command };
    case 'certify':
      return command.evidence.kind === 'preempted' ? certificate(command, knowledge) : null;
    case 'prove-generation': {
      const { pool, evidence } = command;
      if (evidence.kind !== 'preempted') return null;
      return { kind: 'proveGeneration', pool, evidence: evidenceOf(evidence, knowledge.keys), by: null, atMs };
    }
    default:
      return null;
  }
}

function registration(command: Of<'register'>): CommandOf<'registerNode'> {
  const { node, machine, bootId: boot, secret, ttlMs, drainMs: drainBoundMs, tornDown, after } = command;
  return {
    ...{ kind: 'registerNode', node, machine, boot, secretHash: hashOf(secret), ttlMs, drainBoundMs },
    ...{ tornDown: tornDown.map(hashOf), after: after === '' ? null : after },
  };
}

function hashOf(secret: string): Uint8Array {
  return createHash('sha256').update(secret).digest();
}

function conversion(command: Convert, { layouts, volume: volumeOf }: Knowledge): CommandOf<'convert'> {
  const { session, agent, volume, epoch, revision } = command;
  const { pool } = volumeOf(volume);
  const entries = [...command.entries]
    .sort((one, other) => one.at - other.at)
    .map(({ at: logical, extent, expect }) => ({
      ...{ logical, length: 1, ...layouts.placeOf(pool, extent) },
      expect: expect === -1 ? null : layouts.placeOf(pool, expect),
    }));
  return { kind: 'convert', session, agent, volume, epoch, revision, entries };
}

function certificate(command: Of<'certify'>, { keys }: Knowledge): CommandOf<'certifySession'> {
  const { session, pool, as, evidence } = command;
  return { kind: 'certifySession', session, pool, as, evidence: evidenceOf(evidence, keys), by: null, atMs };
}

function evidenceOf(evidence: Evidence, keys: KeyBook): ServiceEvidence {
  invariant(evidence.kind === 'preempted', 'an agent says only what it has read back');
  const readBacks = evidence.readBacks.map(({ device, keys: found, type, stoppedBy }) => ({
    ...{ device, keys: found.map((session) => keys.keyOf(session)), isAllRegistrants: type !== 'none' },
    stoppedBy: stoppedBy === '' ? ('nothing' as const) : stoppedBy,
  }));
  return { readBacks, waitedInTerm: null };
}

function sayAsController(command: Command, knowledge: Knowledge): Said {
  if (command.kind === 'intend') return narrowing(command);
  const commands = controllerCommands(command, knowledge);
  return commands.length === 0 ? { way: 'nowhere' } : { way: 'controller', commands };
}

function controllerCommands(command: Command, knowledge: Knowledge): readonly ServiceCommand[] {
  switch (command.kind) {
    case 'create-pool':
      return poolCommands(command, knowledge);
    case 'create-volume': {
      const { name, tenant, pool, isShared, extents } = command.volume;
      return [{ kind: 'createVolume', volume: name, name, tenant, pool, extents, isShared, attributes: '' }];
    }
    case 'clone': {
      const { volume: source, snapshot, clone: volume } = command;
      const { tenant, extents } = knowledge.volume(source);
      return [{ kind: 'cloneVolume', volume, name: volume, tenant, snapshot, extents, attributes: '' }];
    }
    case 'delete-volume':
      return [{ kind: 'deleteVolume', volume: command.volume }];
    case 'delete-snapshot':
      return [{ kind: 'deleteSnapshot', snapshot: command.snapshot }];
    case 'publish':
    case 'unpublish':
      return [{ ...command }];
    default:
      return personCommands(command);
  }
}

function personCommands(command: Command): readonly ServiceCommand[] {
  switch (command.kind) {
    case 'end-session': {
      const { session, reason, term, by } = command;
      return [{ kind: 'endSession', session, reason, term, by, atMs }];
    }
    case 'certify': {
      const { session, pool, as, by } = command;
      return [{ kind: 'certifySession', session, pool, as, evidence: noEvidence, by, atMs }];
    }
    case 'state-off': {
      const { node, by, certificate } = command;
      return [{ kind: 'statePoweredOff', node, by, isOwnTaint: certificate !== '', atMs }];
    }
    case 'taint':
      return [{ kind: 'taintNode', node: command.node, isForeignAttached: command.isForeignAttached }];
    case 'restore':
      return [{ kind: 'raiseGeneration', seen: command.generationSeen, by: 'a person', atMs }];
    case 'prove-generation':
      return [{ kind: 'proveGeneration', pool: command.pool, evidence: noEvidence, by: command.by, atMs }];
    default:
      return [];
  }
}

function poolCommands(command: Of<'create-pool'>, { layouts }: Knowledge): readonly ServiceCommand[] {
  const { pool, fencing, tier, isBestEffortTakeover, fencesPerHourMax: fencesPerHour } = command;
  const { devices, extentsPerDevice: extents } = layouts.pool(pool);
  const settings = { drainBoundMs: null, fencesPerHour, oversubscriptionPercent: 0, extentBytes };
  return [
    { kind: 'createPool', pool, fencing, tier, isBestEffortTakeover, ...settings },
    ...devices.map((device) => ({ kind: 'addDevice', pool, device, extents }) as const),
  ];
}

/** Volumes of the service never shrink. */
function narrowing({ volume, intent, what, snapshot, from: start, to: stop }: Of<'intend'>): Said {
  if (what === 'shrink') return { way: 'nowhere' };
  const made = what === 'share' ? snapshot : null;
  const asked = { kind: 'intend', volume, intent, what, snapshot: made, name: made, start, stop } as const;
  return { way: 'narrow', command: { ...asked, expected: null } };
}
