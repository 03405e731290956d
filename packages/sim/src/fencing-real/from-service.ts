// The service's commands and answers as the model has them: for whoever asked, and for the judges, who read the log.
import type { ErrorCode } from '@holdfast/base';
import type { Command as ServiceCommand, CommandOf, ResultOf } from '@holdfast/metadata-service';
import type { Standing } from '@holdfast/metadata-service/internal';
import { accept, refuse, type Answer, type Command, type Evidence, type Refusal } from '../fencing/metadata/command.ts';
import type { MetadataState } from '../fencing/metadata/state.ts';
import type { RenewalReply } from '../fencing/ports.ts';
import type { Outcome } from './conversation.ts';
import type { KeyBook } from './key-book.ts';
import type { Layouts } from './pool-layout.ts';

export interface Reading {
  readonly layouts: Layouts;
  readonly keys: KeyBook;
}

const refusals: Partial<Record<ErrorCode, Refusal>> = {
  SESSION_ENDED: 'session-ended',
  SESSION_NOT_FOUND: 'session-ended',
  AGENT_SUPERSEDED: 'older-agent',
  LEADER_TERM_OLD: 'older-term',
  GENERATION_CLOSED: 'older-generation',
  VOLUME_NOT_FOUND: 'not-found',
  SNAPSHOT_NOT_FOUND: 'not-found',
  INTENT_NOT_FOUND: 'not-found',
  VOLUME_HELD: 'conflict',
  REGISTRATION_OUTDATED: 'conflict',
  GRANT_FENCED: 'fenced',
  MAP_REVISION_OLD: 'fenced',
  MAP_ENTRY_CHANGED: 'fenced',
  LEASE_UNKNOWN: 'fenced',
  VOLUME_BUSY: 'busy',
  VOLUME_REVISION_CHANGED: 'busy',
  INTENT_INCOMPLETE: 'busy',
  INTENT_WITHDRAWN: 'busy',
  SNAPSHOT_WITHDRAWN: 'busy',
  POOL_FULL: 'no-space',
  STATE_LIMIT_REACHED: 'no-space',
  CERTIFICATE_UNPROVED: 'not-proved',
  GENERATION_UNPROVED: 'not-proved',
  TAINT_UNFOUNDED: 'not-proved',
  FENCE_LIMIT_REACHED: 'fence-limit',
};

/** As the one who asked reads it. */
export function answerOf(command: ServiceCommand, outcome: Outcome, { layouts, keys }: Reading): Answer {
  if (outcome.refusal !== null) {
    const { code, details } = outcome.refusal;
    const session = code === 'REGISTRATION_OUTDATED' ? (details['session'] ?? '') : '';
    return { ...refuse(refusals[code] ?? 'not-allowed', waitedFor(code, details)), session };
  }
  const { result } = outcome;
  switch (command.kind) {
    case 'registerNode':
    case 'resumeSession': {
      const { session, key, agent } = result as ResultOf<'registerNode'>;
      keys.note(session, key);
      return accept({ session, agent });
    }
    case 'stage': {
      const { epoch, session } = result as ResultOf<'stage'>;
      return accept({ epoch, session });
    }
    case 'publish':
      return accept({ epoch: (result as ResultOf<'publish'>).epoch });
    case 'unpublish': {
      const { isDone, waitsFor } = result as ResultOf<'unpublish'>;
      return isDone ? accept() : refuse('conflict', waitsFor);
    }
    case 'allocate': {
      const { runs } = result as ResultOf<'allocate'>;
      return accept({ extents: runs.flatMap((run) => layouts.extentsOf(run)) });
    }
    default:
      return accept();
  }
}

function waitedFor(code: ErrorCode, { sessions = '' }: Readonly<Record<string, string>>): string[] {
  return code === 'VOLUME_HELD' ? sessions.split(', ') : [];
}

export function renewalReplyOf(standing: Standing, { keys }: Reading): RenewalReply {
  return {
    verdict: 'stands',
    named: standing.grants,
    letGo: standing.letGo,
    intents: standing.intents.map(({ volume, pool, intent: id, kind, revision, start: from, stop: to }) => ({
      ...{ volume, pool },
      intent: { id, kind, cut: null, revision, snapshot: '', from, to, acknowledged: [] },
    })),
    orders: standing.preemptions.map(({ pool, key, devices, as, drainMs }) => ({
      ...{ pool, session: keys.sessionOf(key), devices, as, drainMs },
    })),
    unproved: standing.unproved.map(({ pool }) => pool),
  };
}

/** A session of which the service says that it ended, or that somebody else speaks for it. */
export function emptyReplyOf(verdict: 'ended' | 'older-agent'): RenewalReply {
  return { verdict, named: [], letGo: [], intents: [], orders: [], unproved: [] };
}

/** As the judges read an entry, in the state before it. Null for what the model has no word for. */
export function commandOf(command: ServiceCommand, before: MetadataState, reading: Reading): Command | null {
  return ofAgent(command) ?? ofLeader(command, reading) ?? ofOthers(command, before);
}

function ofAgent(command: ServiceCommand): Command | null {
  switch (command.kind) {
    case 'registerNode': {
      const { node, machine, boot: bootId, ttlMs, drainBoundMs: drainMs, after } = command;
      const kept = { secret: '', tornDown: [], after: after ?? '' };
      return { kind: 'register', node, machine, bootId, ttlMs, drainMs, ...kept };
    }
    case 'resumeSession':
      return { kind: 'resume', session: command.session, secret: '' };
    case 'stage': {
      const { session, agent, volume, leastEpoch: lowerBound, mode } = command;
      return { kind: 'stage', session, agent, volume, lowerBound, mode };
    }
    case 'release':
    case 'acknowledge':
      return command;
    case 'allocate': {
      const { session, agent, volume, epoch, extents: count } = command;
      return { kind: 'allocate', session, agent, volume, epoch, count };
    }
    case 'convert': {
      const { session, agent, volume, epoch, revision } = command;
      return { kind: 'convert', session, agent, volume, epoch, revision, entries: [] };
    }
    default:
      return null;
  }
}

export function endOf(command: CommandOf<'endSession'>): Extract<Command, { readonly kind: 'end-session' }> {
  const { session, reason, term, atMs, by } = command;
  return { kind: 'end-session', session, reason, term, atMs, by: by ?? 'leader' };
}

function ofLeader(command: ServiceCommand, { keys }: Reading): Command | null {
  switch (command.kind) {
    case 'endSession':
      return endOf(command);
    case 'certifySession': {
      const { session, pool, as, by } = command;
      if (as === 'released' || as === 'revoked') return null;
      return { kind: 'certify', as, session, pool, evidence: evidenceOf(command, keys), by: by ?? 'leader' };
    }
    case 'silenceSession':
      return { kind: 'silence', session: command.session, pool: command.pool, term: command.term };
    case 'commitIntent':
      return { kind: 'commit', volume: command.volume, intent: command.intent, revision: command.revision };
    case 'withdrawIntent':
      return { kind: 'withdraw', volume: command.volume, intent: command.intent, revision: command.revision };
    case 'openPool':
      return { kind: 'open-generation', pool: command.pool, term: command.term };
    default:
      return null;
  }
}

/** The declaration of the commands is too long for the compiler to say it whole. */
interface ServiceEvidence {
  readonly readBacks: readonly {
    readonly device: string;
    readonly keys: readonly string[];
    readonly isAllRegistrants: boolean;
    readonly stoppedBy: 'nothing' | 'abort' | 'reset' | 'drain';
  }[];
  readonly waitedInTerm: number | null;
}

function evidenceOf({ as, evidence }: CommandOf<'certifySession'>, keys: KeyBook): Evidence {
  const { readBacks, waitedInTerm }: ServiceEvidence = evidence;
  if (waitedInTerm !== null) return { kind: 'waited', term: waitedInTerm };
  if (as === 'override') return { kind: 'stated' };
  return {
    kind: 'preempted',
    readBacks: readBacks.map(({ device, keys: found, isAllRegistrants, stoppedBy }) => ({
      ...{ device, keys: found.map((key) => keys.sessionOf(key)) },
      type: isAllRegistrants ? ('write-exclusive-all-registrants' as const) : ('none' as const),
      stoppedBy: stoppedBy === 'nothing' ? ('' as const) : stoppedBy,
    })),
  };
}

function ofOthers(command: ServiceCommand, before: MetadataState): Command | null {
  switch (command.kind) {
    case 'publish':
    case 'unpublish':
      return command;
    case 'deleteVolume':
      return { kind: 'delete-volume', volume: command.volume };
    case 'intend': {
      const { volume, intent, what, snapshot, start: from, stop: to } = command;
      return { kind: 'intend', volume, intent, what, snapshot: snapshot ?? '', from, to };
    }
    case 'cloneVolume': {
      const { snapshot, volume: clone } = command;
      const source = Object.values(before.volumes).find(({ snapshots }) => snapshots[snapshot] !== undefined);
      return source === undefined ? null : { kind: 'clone', volume: source.name, snapshot, clone };
    }
    case 'statePoweredOff':
      return { kind: 'state-off', node: command.node, by: command.by, certificate: command.isOwnTaint ? 'own' : '' };
    case 'taintNode':
      return { kind: 'taint', node: command.node, isForeignAttached: command.isForeignAttached };
    case 'raiseGeneration':
      return { kind: 'restore', backup: '', generationSeen: command.seen };
    default:
      return null;
  }
}
