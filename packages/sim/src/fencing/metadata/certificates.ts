// Certificates (F5): what was proved about a grant, or about a whole session on one pool, and what each kind asks for at apply.
// Waiting is the leader's word, in its own term; everything else is in the log or in the evidence.
import { accept, refuse, type Answer, type Certify, type Command, type Evidence, type ReadBack } from './command.ts';
import { endQuarantineOf, freeLeasesOf } from './extents.ts';
import { refuseAgent } from './agents.ts';
import {
  liveSession,
  type CertificateKind,
  type GrantState,
  type MetadataState,
  type PoolState,
  type SessionState,
  type VolumeState,
} from './state.ts';

interface SessionProof {
  readonly session: SessionState;
  readonly pool: PoolState;
  readonly as: CertificateKind;
  readonly by: string;
}

function record(state: MetadataState, certificate: Omit<MetadataState['certificates'][number], 'id'>): void {
  state.certificates.push({ id: `${state.generation}-${state.certificates.length + 1}`, ...certificate });
}

/** The whole session is out of the pool: its grants there are certified. */
export function certifySession(state: MetadataState, { session, pool, as, by }: SessionProof): void {
  if (session.certificates[pool.name] === undefined) {
    session.certificates[pool.name] = as;
    record(state, { kind: as, session: session.id, pool: pool.name, volume: '', epoch: 0, by });
    for (const volume of Object.values(state.volumes)) {
      if (volume.pool === pool.name) volume.grants = volume.grants.filter((grant) => grant.session !== session.id);
    }
  }
  // A preempted key stops writes at the device and nothing else: reads go on until the deadline, so extents wait on.
  if (as !== 'preempted') silence(state, session, pool);
}

export function silence(state: MetadataState, session: SessionState, pool: PoolState): void {
  session.silent[pool.name] = true;
  endQuarantineOf(state, pool, session.id);
}

/** The leader waited: whoever was preempted has passed its deadline, and reads nothing any more. */
export function beSilent(state: MetadataState, command: Extract<Command, { kind: 'silence' }>, term: number): Answer {
  const session = state.sessions[command.session];
  const pool = state.pools[command.pool];
  if (session === undefined || pool === undefined) return refuse('not-found');
  if (session.certificates[pool.name] === undefined) return refuse('not-allowed');
  if (command.term !== term) return refuse('older-term');
  silence(state, session, pool);
  return accept();
}

/** `released` and `revoked`: of one grant, by the session's own agent. */
export function release(state: MetadataState, command: Extract<Command, { kind: 'release' }>): Answer {
  const refusal = refuseAgent(state, command);
  if (refusal !== null) return refusal;
  const volume = state.volumes[command.volume];
  const pool = state.pools[volume?.pool ?? ''];
  if (volume === undefined || pool === undefined) return refuse('not-found');
  const grant = volume.grants.find(({ epoch, session }) => epoch === command.epoch && session === command.session);
  if (grant === undefined) return accept();
  volume.grants = volume.grants.filter((each) => each !== grant);
  const { epoch, session } = grant;
  record(state, { kind: command.as, session, pool: pool.name, volume: volume.name, epoch, by: session });
  freeLeasesOf(state, pool, { volume: volume.name, epoch });
  return accept();
}

export function certify(state: MetadataState, command: Certify, term: number): Answer {
  const session = state.sessions[command.session];
  const pool = state.pools[command.pool];
  if (session === undefined || pool === undefined) return refuse('not-found');
  if (session.endedBy === null) return refuse('not-allowed');
  if (!isProved(state, { session, pool, as: command.as, by: command.by }, { command, term }))
    return refuse('not-proved');
  certifySession(state, { session, pool, as: command.as, by: command.by });
  return accept();
}

function isProved(
  state: MetadataState,
  { session, pool, as, by }: SessionProof,
  { command, term }: { command: Certify; term: number },
): boolean {
  const { evidence } = command;
  switch (as) {
    case 'preempted':
      return pool.fencing === 'reservation' && isPreempted(state, pool, { evidence, sessions: [session.id] });
    case 'expired':
      return mayExpire(pool) && hasWaited(evidence, term);
    case 'rebooted':
      return (
        isOfLaterBoot(state, session) &&
        (hasWaited(evidence, term) || isPreempted(state, pool, { evidence, sessions: [session.id] }))
      );
    case 'powered-off':
      return isStatedOff(state, session) && hasWaited(evidence, term);
    case 'override':
      return isPerson(state, by);
    case 'released':
    case 'revoked':
      return false;
  }
}

/** `expired` is for devices without reservations, and where a user engine has a gap only if the pool takes that risk. */
export function mayExpire(pool: PoolState): boolean {
  return pool.fencing === 'lease' && (pool.tier !== 'best-effort' || pool.isBestEffortTakeover);
}

function hasWaited(evidence: Evidence, term: number): boolean {
  return evidence.kind === 'waited' && evidence.term === term;
}

/** On every device: no key of these sessions, our type, a living registrant, and nothing that was already there goes on. */
export function isPreempted(
  state: MetadataState,
  pool: PoolState,
  { evidence, sessions }: { evidence: Evidence; sessions: readonly string[] },
): boolean {
  if (evidence.kind !== 'preempted') return false;
  return pool.devices.every((device) => {
    const readBack = evidence.readBacks.find((each) => each.device === device);
    return readBack !== undefined && isShutOut(state, readBack, sessions);
  });
}

function isShutOut(state: MetadataState, { keys, type, stoppedBy }: ReadBack, sessions: readonly string[]): boolean {
  const isInPlace = type === 'write-exclusive-all-registrants' && keys.some((key) => liveSession(state, key) !== null);
  return isInPlace && stoppedBy !== '' && !sessions.some((session) => keys.includes(session));
}

/** Neither a leader nor an agent forces anything. */
function isPerson(state: MetadataState, by: string): boolean {
  return by !== '' && by !== 'leader' && state.sessions[by] === undefined;
}

function isOfLaterBoot(state: MetadataState, session: SessionState): boolean {
  const later = liveSession(state, state.nodes[session.node]?.session ?? '');
  return later !== null && later.incarnation > session.incarnation && later.bootId !== session.bootId;
}

function isStatedOff(state: MetadataState, session: SessionState): boolean {
  const statement = state.nodes[session.node]?.statement ?? null;
  return statement !== null && session.incarnation <= statement.incarnation;
}

/** Sessions of which a grant waits for a certificate, in this pool. */
export function uncertified(state: MetadataState, pool: string): GrantState[] {
  const volumes = Object.values(state.volumes).filter((volume) => volume.pool === pool);
  return volumes
    .flatMap((volume: VolumeState) => volume.grants)
    .filter(({ session }) => liveSession(state, session) === null);
}

/** F5, F12: somebody says that a machine is off. Our own taint says only that we fenced it, and is no such word. */
export function stateOff(state: MetadataState, command: Extract<Command, { kind: 'state-off' }>): Answer {
  const node = state.nodes[command.node];
  if (node === undefined) return refuse('not-found');
  if (command.certificate !== '' || command.by === '') return refuse('not-allowed');
  node.statement = { by: command.by, incarnation: node.incarnation };
  return accept();
}

/** F12: our taint carries its certificate, and stands only where all grants of the node are certified. */
export function taint(state: MetadataState, command: Extract<Command, { kind: 'taint' }>): Answer {
  const node = state.nodes[command.node];
  if (node === undefined) return refuse('not-found');
  // A restored log does not know what was granted after its backup.
  const isOpen = Object.values(state.pools).every((pool) => pool.openGeneration === state.generation);
  if (!isOpen) return refuse('older-generation');
  const isHeld = Object.values(state.volumes).some(({ grants }) => grants.some((grant) => grant.node === command.node));
  if (isHeld || command.isForeignAttached) return refuse('not-proved');
  const certificate = state.certificates.findLast(({ session }) => state.sessions[session]?.node === command.node);
  if (certificate === undefined) return refuse('not-proved');
  node.taint = { setBy: 'holdfast', certificate: certificate.id };
  return accept();
}
