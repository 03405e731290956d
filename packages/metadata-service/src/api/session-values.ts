// Between an agent's messages and the leader's words: commands that an agent may bring about, and what it is told.
import type { OpError } from '@holdfast/base';
import type { sessions } from '@holdfast/rpc';
import type { Standing, StandingGrant } from '../leader/standing.ts';
import type { CommandOf, Evidence, ResultOf } from '../state/commands.ts';
import { grantModes } from '../state/entities.ts';
import { fromChoice, toChoice, toNumber, toWord } from './values.ts';

export interface BySession {
  readonly session: string;
  readonly agent: number;
}
type Body = NonNullable<sessions.AgentMessage['body']>;
type ValueOf<Kind extends Body['kind']> = Extract<Body, { readonly kind: Kind }>['value'];
export type Answer = NonNullable<sessions.LeaderMessage['body']>;

const stops = ['nothing', 'abort', 'reset', 'drain'] as const;

export function toStage(by: BySession, { volume, leastEpoch, mode }: ValueOf<'stage'>): CommandOf<'stage'> {
  return {
    ...{ kind: 'stage', ...by, volume: toWord(volume, 'volume') },
    leastEpoch: toNumber(leastEpoch, 'least_epoch'),
    mode: toChoice(mode, grantModes, 'mode'),
  };
}

export function toRelease(by: BySession, { volume, epoch, isClean }: ValueOf<'release'>): CommandOf<'release'> {
  const as = isClean ? 'released' : 'revoked';
  return { kind: 'release', ...by, volume: toWord(volume, 'volume'), epoch: toNumber(epoch, 'epoch'), as };
}

export function toAcknowledge(by: BySession, value: ValueOf<'acknowledge'>): CommandOf<'acknowledge'> {
  const { volume, intent, revision } = value;
  const of = { volume: toWord(volume, 'volume'), intent: toWord(intent, 'intent') };
  return { kind: 'acknowledge', ...by, ...of, revision: toNumber(revision, 'revision') };
}

/** Only what was read back: that somebody waited is the leader's word, and that somebody said so is a person's. */
export function toCertify(value: ValueOf<'preempted'>, atMs: number): CommandOf<'certifySession'> {
  const { pool, session, isRebooted, readBacks } = value;
  return {
    ...{ kind: 'certifySession', session: toWord(session, 'session'), pool: toWord(pool, 'pool') },
    ...{ as: isRebooted ? 'rebooted' : 'preempted', evidence: toEvidence(readBacks), by: null, atMs },
  };
}

export function toProof({ pool, readBacks }: ValueOf<'proved'>, atMs: number): CommandOf<'proveGeneration'> {
  const evidence = toEvidence(readBacks);
  return { kind: 'proveGeneration', pool: toWord(pool, 'pool'), evidence, by: null, atMs };
}

function toEvidence(readBacks: readonly sessions.ReadBack[]): Evidence {
  return {
    readBacks: readBacks.map(({ device, keys, isAllRegistrants, stoppedBy }) => ({
      ...{ device: toWord(device, 'device'), keys: keys.map((key) => toWord(key, 'keys')), isAllRegistrants },
      stoppedBy: toChoice(stoppedBy, stops, 'stopped_by'),
    })),
    waitedInTerm: null,
  };
}

export function fromRegistration(registration: ResultOf<'registerNode'>): Answer {
  const { session, key, agent, ttlMs, drainBoundMs } = registration;
  const value = { session, key, agent: BigInt(agent), ttlMs: BigInt(ttlMs), drainBoundMs: BigInt(drainBoundMs) };
  return { kind: 'registration', value };
}

export function fromGrant({ volume, epoch, mode }: StandingGrant): sessions.Grant {
  return { volume, epoch: BigInt(epoch), mode: fromChoice(mode) };
}

export function fromStanding({ grants, letGo, intents, preemptions, unproved }: Standing): Answer {
  const value: sessions.Standing = {
    grants: grants.map(fromGrant),
    letGo: letGo.map(fromGrant),
    intents: intents.map(({ volume, pool, intent, kind, revision, start, stop, holdsWrites }) => ({
      ...{ volume, pool, intent, kind: fromChoice(kind), holdsWrites },
      ...{ revision: BigInt(revision), start: BigInt(start), stop: BigInt(stop) },
    })),
    preempt: preemptions.map(({ pool, session, key, devices, as, drainMs }) => ({
      ...{ pool, session, key, devices, isRebooted: as === 'rebooted', drainMs: BigInt(drainMs) },
    })),
    prove: unproved.map(({ pool, generation, isReserved, devices, drainMs }) => ({
      ...{ pool, generation: BigInt(generation), isReserved, devices, drainMs: BigInt(drainMs) },
    })),
  };
  return { kind: 'standing', value };
}

export function fromRefusal({ code, message, retriable, details }: OpError): Answer {
  return { kind: 'refused', value: { code, text: message, isRetriable: retriable, details } };
}

export const done: Answer = { kind: 'done', value: {} };
