// Certificates (F5): what was proved about a grant, or about a whole session in one pool, and what each kind asks for at apply. Waiting
// is the leader's word, in its own term; everything else is in the log or in the evidence.
//
// `certified` and `silent` are two things. A preempted key stops writes at the device and nothing else: the session's engine goes on
// reading until its deadline, so a new writer may begin, but the extents that it knew wait on (F10).
import { OpError } from '@holdfast/base';
import { checkAgent, generationOfKey, isLive, nodeOf, reservationKey, sessionOf } from './agents.ts';
import type { CommandOf, Evidence, ResultOf } from './commands.ts';
import type { CertificateKind, CertificateRow, DeviceRow, GrantRow, NodeRow, PoolRow } from './entities.ts';
import type { SessionPoolRow, SessionRow } from './entities.ts';
import { endLeasesOfGrant, poolOf } from './extents.ts';
import { change, insert, query } from './query.ts';
import { reclaimLeases } from './reclaim.ts';
import type { State } from './state.ts';
import { stateLimits } from './state-limits.ts';

const sessionById = query<SessionRow>('SELECT * FROM sessions WHERE id = ?');
const sessionInPool = query<SessionPoolRow>('SELECT * FROM session_pools WHERE session = ? AND pool = ?');
const setCertificate = change('UPDATE session_pools SET certificate = ? WHERE session = ? AND pool = ?');
const setSilent = change('UPDATE session_pools SET is_silent = 1 WHERE session = ? AND pool = ?');
const insertCertificate = insert<CertificateRow>('certificates', [
  ...(['revision', 'number', 'generation', 'kind', 'session', 'pool', 'volume', 'epoch', 'stated_by'] as const),
]);
const lastNumber = query<{ readonly number: number | null }>(
  'SELECT MAX(number) AS number FROM certificates WHERE revision = ?',
);
const oldestCertificates = change(`
  DELETE FROM certificates WHERE (revision, number) IN (SELECT revision, number FROM certificates ORDER BY revision, number LIMIT 2)
`);
const grantAt = query<GrantRow>('SELECT * FROM grants WHERE volume = ? AND epoch = ?');
const grantsOfSession = query<GrantRow>('SELECT * FROM grants WHERE session = ? AND pool = ? ORDER BY volume, epoch');
const grantOfNode = query<GrantRow>(
  'SELECT grants.* FROM sessions JOIN grants ON grants.session = sessions.id WHERE sessions.node = ? LIMIT 1',
);
const deleteGrant = change('DELETE FROM grants WHERE volume = ? AND epoch = ?');
const devicesOf = query<DeviceRow>('SELECT * FROM devices WHERE pool = ? ORDER BY number');
const sessionWithKey = query<SessionRow>(`
  SELECT sessions.* FROM nodes JOIN sessions ON sessions.id = nodes.session
  WHERE nodes.number = ? AND sessions.generation = ? AND sessions.incarnation = ?
`);
const setOff = change('UPDATE nodes SET off_by = ?, off_incarnation = ? WHERE name = ?');
const closedPool = query<PoolRow>('SELECT * FROM pools WHERE open_generation <> ? ORDER BY name LIMIT 1');
const setTaint = change('UPDATE nodes SET taint = ? WHERE name = ?');
const certificateOfNode = query<{ readonly revision: number | null }>(`
  SELECT MAX(session_pools.certificate) AS revision FROM sessions JOIN session_pools ON session_pools.session = sessions.id
  WHERE sessions.node = ?
`);

export interface Certified {
  readonly session: string;
  readonly pool: string;
  readonly kind: CertificateKind;
  readonly by: string;
  /** Known otherwise than by the kind. */
  readonly isSilent?: boolean;
}
type OfGrant = Pick<CertificateRow, 'volume' | 'epoch'>;
const wholeSession: OfGrant = { volume: null, epoch: null };

function record(state: State, { session, pool, kind, by }: Certified, of: OfGrant): void {
  const { database, cluster, index: revision } = state;
  const number = (database.get(lastNumber, revision)?.number ?? -1) + 1;
  const { generation } = cluster;
  database.insert(insertCertificate, { revision, number, generation, kind, session, pool, ...of, stated_by: by });
  cluster.certificates++;
  if (cluster.certificates > stateLimits.certificates) cluster.certificates -= database.run(oldestCertificates);
}

/** The whole session is out of the pool: its grants there are certified. */
export function certifySession(state: State, certified: Certified): void {
  const { session, pool, kind, isSilent = kind !== 'preempted' } = certified;
  const inPool = state.database.get(sessionInPool, session, pool);
  if (inPool === null) return;
  if (inPool.certificate === null) {
    state.database.run(setCertificate, state.index, session, pool);
    record(state, certified, wholeSession);
    for (const { volume, epoch } of state.database.all(grantsOfSession, session, pool)) {
      state.database.run(deleteGrant, volume, epoch);
      state.note('grant', volume);
    }
  }
  if (isSilent) silence(state, session, pool);
}

function silence(state: State, session: string, pool: string): void {
  if (state.database.get(sessionInPool, session, pool)?.is_silent !== 0) return;
  state.database.run(setSilent, session, pool);
  reclaimLeases(state, session, pool);
  state.note('pool', pool);
}

/** F10: the leader waited; who was preempted has passed its deadline, and reads nothing any more. */
export function silenceSession(state: State, { session, pool, term }: CommandOf<'silenceSession'>): object {
  const inPool = state.database.get(sessionInPool, session, pool);
  if (inPool === null) throw new OpError('SESSION_NOT_FOUND', { session });
  if (inPool.certificate === null) {
    throw new OpError('CERTIFICATE_UNPROVED', { kind: 'silent', session, pool, reason: 'it has no certificate yet' });
  }
  state.checkTerm(term);
  silence(state, session, pool);
  return {};
}

/** `released` and `revoked`: of one grant, by the session's own agent. */
export function release(state: State, command: CommandOf<'release'>): object {
  const { id: session } = checkAgent(state, command);
  const { volume, epoch, as: kind } = command;
  const grant = state.database.get(grantAt, volume, epoch);
  if (grant?.session !== session) return {};
  state.database.run(deleteGrant, volume, epoch);
  record(state, { session, pool: grant.pool, kind, by: session }, { volume, epoch });
  endLeasesOfGrant(state, volume, epoch);
  state.note('grant', volume);
  return {};
}

export function certify(state: State, command: CommandOf<'certifySession'>): object {
  const { as: kind, pool: poolName, by, atMs } = command;
  const session = sessionOf(state, command.session);
  const pool = poolOf(state, poolName);
  const refuse = (reason: string): OpError =>
    new OpError('CERTIFICATE_UNPROVED', { kind, session: session.id, pool: poolName, reason });
  if (session.ended === null) throw refuse('it has not ended');
  const reason = missingProof(state, { session, pool }, command);
  if (reason !== null) throw refuse(reason);
  certifySession(state, { session: session.id, pool: poolName, kind, by: by ?? 'leader' });
  if (by !== null) state.audit(atMs, by, `certified the session ${session.id} in ${poolName}: ${kind}`);
  return {};
}

interface SessionAndPool {
  readonly session: SessionRow;
  readonly pool: PoolRow;
}

/** F5, by its table: why the certificate may not be given; null if it may. */
function missingProof(state: State, of: SessionAndPool, command: CommandOf<'certifySession'>): string | null {
  const { session, pool } = of;
  const { as: kind, evidence, by } = command;
  const waited = evidence.waitedInTerm === state.term ? null : 'the wait is not over in this term';
  const preempted = (): string | null => missingPreemption(state, pool, { evidence, key: keyOf(state, session) });
  switch (kind) {
    case 'released':
    case 'revoked':
      return 'only its own agent says so, of one grant';
    case 'preempted':
      return pool.fencing === 'reservation' ? preempted() : 'the pool has no reservations';
    case 'expired':
      return missingExpiry(pool) ?? waited;
    case 'rebooted':
      if (!isOfLaterBoot(state, session)) return 'the node has not registered with a later boot';
      return waited === null ? null : preempted();
    case 'powered-off':
      return isStatedOff(nodeOf(state, session.node), session) ? waited : 'nobody stated that the machine is off';
    case 'override':
      return by === null ? 'no administrator says so' : null;
  }
}

/**
 * Devices without reservations; where a user engine has a gap, only if the pool takes that risk. However the session ended: a fence in
 * another pool leaves its lease here to run out, and the leader waits the longer for that (adr/0012).
 */
function missingExpiry({ fencing, tier, is_best_effort }: PoolRow): string | null {
  const mayExpire = fencing === 'lease' && (tier !== 'best-effort' || is_best_effort === 1);
  return mayExpire ? null : 'the pool promises no takeover by expiry';
}

/** On every device: the key is gone, our type is in place with a living registrant, and nothing from before goes on. */
export function missingPreemption(
  state: State,
  pool: PoolRow,
  { evidence, key }: { readonly evidence: Evidence; readonly key: string | null },
): string | null {
  for (const { id } of state.database.all(devicesOf, pool.name)) {
    const readBack = evidence.readBacks.find(({ device }) => device === id);
    if (readBack === undefined) return `the device ${id} was not read back`;
    const { keys, isAllRegistrants, stoppedBy } = readBack;
    if (!isAllRegistrants) return `the device ${id} has no reservation of our type`;
    if (!keys.some((each) => isKeyLive(state, each))) return `no living node holds the reservation of ${id}`;
    if (stoppedBy === 'nothing') return `requests that ${id} had already may go on`;
    if (key !== null && keys.includes(key)) return `the device ${id} has its key still`;
    // F11: what is older than this cluster generation has no business there at all.
    const older = keys.find((each) => generationOfKey(each) < state.cluster.generation);
    if (key === null && older !== undefined) return `the device ${id} has the key ${older} of an older generation`;
  }
  return null;
}

function keyOf(state: State, { node, generation, incarnation }: SessionRow): string {
  return reservationKey(generation, nodeOf(state, node).number, incarnation);
}

function isKeyLive(state: State, key: string): boolean {
  const [generation, node, incarnation] = [key.slice(0, 4), key.slice(4, 10), key.slice(10)].map((digits) =>
    Number.parseInt(digits, 16),
  );
  const session = state.database.get(sessionWithKey, node ?? 0, generation ?? 0, incarnation ?? 0);
  return session !== null && isLive(state, session);
}

function isOfLaterBoot(state: State, session: SessionRow): boolean {
  const later = state.database.get(sessionById, nodeOf(state, session.node).session);
  if (later === null || !isLive(state, later)) return false;
  return later.incarnation > session.incarnation && later.boot !== session.boot;
}

function isStatedOff({ off_incarnation }: NodeRow, { incarnation }: SessionRow): boolean {
  return off_incarnation !== null && incarnation <= off_incarnation;
}

/** F5, F12: somebody says that a machine is off. Our own taint says only that we fenced it, and is no such word. */
export function statePoweredOff(
  state: State,
  { node: name, by, isOwnTaint, atMs }: CommandOf<'statePoweredOff'>,
): object {
  const node = nodeOf(state, name);
  if (isOwnTaint) {
    const { session } = node;
    throw new OpError('CERTIFICATE_UNPROVED', {
      kind: 'powered-off',
      session,
      pool: 'any',
      reason: 'the taint is our own',
    });
  }
  state.database.run(setOff, by, node.incarnation, name);
  state.audit(atMs, by, `stated that ${name} is off, incarnation ${node.incarnation}`);
  state.note('node', name);
  return {};
}

/** F12: our taint carries its certificate, and stands only where all grants of the node are certified. */
export function taintNode(
  state: State,
  { node: name, isForeignAttached }: CommandOf<'taintNode'>,
): ResultOf<'taintNode'> {
  nodeOf(state, name);
  const refuse = (reason: string): OpError => new OpError('TAINT_UNFOUNDED', { node: name, reason });
  if (isForeignAttached) throw refuse("another driver's volume is attached");
  // A restored log may know nothing of a grant on that node that is younger than the backup (adr/0016).
  const closed = state.database.get(closedPool, state.cluster.generation);
  if (closed !== null) throw refuse(`the pool ${closed.name} is not open in this cluster generation`);
  const held = state.database.get(grantOfNode, name);
  if (held !== null) throw refuse(`the grant of the volume ${held.volume} has no certificate`);
  const certificate = state.database.get(certificateOfNode, name)?.revision ?? null;
  if (certificate === null) throw refuse('no session of it was certified');
  state.database.run(setTaint, certificate, name);
  state.note('node', name);
  return { certificate };
}

export function clearTaint(state: State, { node: name }: CommandOf<'clearTaint'>): object {
  nodeOf(state, name);
  state.database.run(setTaint, null, name);
  state.note('node', name);
  return {};
}
