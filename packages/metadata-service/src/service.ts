// A metadata server, top to bottom: the state in its database, raft's host over the log with its own thread and connections of mutual
// TLS between the members, what the host tells of itself, and the founding of the group. The API over it is in api/, the leader's
// part of sessions in leader/.
import {
  isOpError,
  OpError,
  RealFiles,
  RealTransport,
  retry,
  toOpError,
  withTimeout,
  type Files,
} from '@holdfast/base';
import type { Clock, Random, Timers } from '@holdfast/base';
import type { MemberId } from '@holdfast/raft';
import { peerTls, type CertificateKeeper, type Health } from '@holdfast/rpc';
import type { HealthChecks, Log, Metrics } from '@holdfast/telemetry';
import { AddressBook, peerJudge } from './address-book.ts';
import { AppliedSignal } from './applied-signal.ts';
import { Backups, backupLimitsDefault, type BackupLimits } from './backups.ts';
import { ClientExpiry } from './client-expiry.ts';
import type { HostSettings, Replica } from './host/host-options.ts';
import { hostSettingsDefault } from './host/host-settings.ts';
import { ReplicaHost, successorOf } from './host/replica-host.ts';
import { ConnectedAgents } from './leader/connected-agents.ts';
import { Proposer } from './leader/proposer.ts';
import { SessionLeader } from './leader/session-leader.ts';
import { measureLog } from './log-metrics.ts';
import { founder, metadataGroup, readHome, statePath, type MemberPlace } from './member-home.ts';
import { measureRaft } from './raft-metrics.ts';
import { measureState } from './state-metrics.ts';
import { removeDatabase } from './state/database.ts';
import { MetadataMachine, type MetadataOptions } from './state/machine.ts';
import { knownVersion, schemaSteps, type SchemaStep } from './state/schema.ts';
import { stateLimits } from './state/state-limits.ts';

export interface ServiceOptions {
  /** Made by `initialiseFirst` or `initialiseJoined`. */
  readonly directory: string;
  /** Of this program, for example "0.1.0". */
  readonly release: string;
  /** This server's own certificate: of the role metadata, and of the name under which it is a member. */
  readonly keeper: CertificateKeeper;
  /** Where this server listens for the other members. */
  readonly peerListen: string;
  /** How long a read through the leader may take before this server counts as not ready. */
  readonly readyLimitMs: number;
  readonly settings?: Partial<HostSettings>;
  readonly backupLimits?: Partial<BackupLimits>;
  /** Other than this release's: for tests of releases that there are not yet. */
  readonly schema?: readonly SchemaStep[];
  readonly checks: HealthChecks;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}

const foundingBackoff = { baseMs: 100, ceilingMs: 5_000 };

export class MetadataService {
  readonly self: MemberId;
  readonly release: string;
  /** The highest cluster version that this program knows. */
  readonly knownVersion: number;
  readonly machine: MetadataMachine;
  readonly replica: Replica;
  readonly book: AddressBook;
  /** Tells that the state went on. */
  readonly applied: AppliedSignal;
  /** Of agents that this server serves. */
  readonly agents = new ConnectedAgents(stateLimits.nodes);
  /** Does something only while this server leads. */
  readonly sessions: SessionLeader;
  readonly backups: Backups;
  readonly #options: ServiceOptions;
  readonly #host: ReplicaHost;
  readonly #stopped = new AbortController();
  readonly #proposer: Proposer;
  readonly #clientExpiry: ClientExpiry;
  #founding: Promise<void> = Promise.resolve();

  private constructor(options: ServiceOptions, parts: ServiceParts) {
    this.#options = options;
    this.release = options.release;
    this.knownVersion = knownVersion(options.schema ?? schemaSteps);
    this.self = parts.self;
    this.machine = parts.machine;
    this.book = parts.book;
    this.applied = parts.applied;
    this.#host = parts.host;
    this.replica = parts.host.replica(metadataGroup);
    const { replica, machine, agents } = this;
    this.#proposer = new Proposer({ ...options, replica });
    this.#clientExpiry = new ClientExpiry({
      ...options,
      isLeader: () => this.isLeader,
      database: () => machine.database,
      forget: async (command) => this.#proposer.propose<'forgetClients'>(command),
    });
    const { clock, timers, random, log } = options;
    const onDue = (session: string): void => agents.remind(session);
    this.sessions = new SessionLeader({ replica, machine, clock, timers, random, log, onDue });
    const { cluster, name: member } = options.keeper.current.identity;
    const limits = { ...backupLimitsDefault, ...options.backupLimits };
    const { files } = parts;
    this.backups = new Backups({ ...options, cluster, member, files, machine, replica, limits });
  }

  static async open(options: ServiceOptions): Promise<MetadataService> {
    try {
      return await MetadataService.#open(options);
    } catch (error) {
      // SQLite needs some blocks to open what it closed: who is not there neither reads on nor writes again by itself.
      if (!isOpError(error) || error.code !== 'STATE_DISK_FULL') throw error;
      throw new OpError('STATE_DISK_FULL_AT_START', { directory: options.directory }, { cause: error });
    }
  }

  static async #open(options: ServiceOptions): Promise<MetadataService> {
    const { directory, keeper, checks, log, metrics, clock, timers, schema = schemaSteps } = options;
    const files = new RealFiles();
    const { cluster, name } = keeper.current.identity;
    const { identity, first } = readHome(files, directory);
    const machine = openState({ path: statePath(directory), files, schema }, log);
    try {
      const book = new AddressBook(machine, first);
      const self = identity.member;
      checkName(directory, name, book.find(self));
      const applied = new AppliedSignal();
      const host = await ReplicaHost.open({
        ...options,
        settings: settingsOf(options, knownVersion(schema)),
        cluster,
        self,
        address: options.peerListen,
        addressOf: (member) => book.find(member)?.peerAddress ?? null,
        judgePeer: peerJudge(book, keeper, clock),
        groups: [{ group: metadataGroup, stateMachine: machine }],
        transport: new RealTransport({
          timers,
          tls: peerTls(keeper),
          onRefused: (error) => log.warn('peer refused', { error }),
        }),
        observer: { onStep: () => undefined, onApplied: () => applied.tell() },
      });
      measureLog(metrics, { stat: () => host.status.log });
      measureRaft(metrics, host, knownVersion(schema));
      const service = new MetadataService(options, { self, files, machine, book, applied, host });
      measureState(metrics, service);
      checks.add('metadata', async () => service.checkReady());
      log.info('member started', { member: self, peers: host.address });
      if (self === founder) service.#founding = service.#found(first.members);
      return service;
    } catch (error) {
      machine.close();
      throw error;
    }
  }

  /** Where the other members reach this one, with the port that the system chose for port 0. */
  get peerAddress(): string {
    return this.#host.address;
  }

  /** Settles when the member is down: null behind `stop`, else the error that ended it. */
  get ended(): Promise<OpError | null> {
    return this.#host.ended;
  }

  get isLeader(): boolean {
    return this.replica.standing.role === 'leader';
  }

  /** What this server may tell without asking anybody. */
  get health(): Health {
    const { leader, full } = this.replica.status;
    const missing = leader === null ? new OpError('RAFT_LEADER_UNKNOWN', {}) : full;
    return missing === null ? { state: 'SERVING', reason: '' } : { state: 'DEGRADED', reason: missing.message };
  }

  /** A read through the leader: it says that there is one, and that this server has applied what was committed. */
  async checkReady(): Promise<void> {
    const { timers, readyLimitMs: limitMs } = this.#options;
    await withTimeout({ timers, what: 'a read through the leader', limitMs }, async () => this.replica.read());
  }

  /** Saves the others an election: called before this server takes no calls any more. */
  async handOver(): Promise<void> {
    const to = successorOf(this.replica.status);
    if (to === null) return;
    const { timers, settings } = this.#options;
    const { tickMs, raft } = { ...hostSettingsDefault, ...settings };
    // The others elect somebody in about this time without it.
    const limitMs = 2 * raft.electionTicks * tickMs;
    try {
      await withTimeout({ timers, what: 'handing over leadership', limitMs }, async () => this.replica.transfer(to));
    } catch (error) {
      if (!isOpError(error)) throw error;
      this.#options.log.info('leadership was not handed over', { to, error });
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new OpError('CANCELLED', { reason: 'the process stops' }));
    this.sessions.stop();
    this.#clientExpiry.stop();
    await this.#host.stop();
    await this.#founding;
    const isDamaged = isDamage(await this.ended);
    try {
      this.machine.close();
    } catch (error) {
      if (!isDamaged || !isDamage(error)) throw error;
    }
    if (isDamaged) this.#removeState();
  }

  /** The next start would find it whole enough to open, and end where this one did, for ever. */
  #removeState(): void {
    const { directory, log } = this.#options;
    const path = statePath(directory);
    log.error('the database is damaged, and the next start makes it anew from snapshot, log and peers', { path });
    removeDatabase(new RealFiles(), path);
  }

  /** The first member says in the log who it is, once: whoever joins finds it there. */
  async #found(members: readonly MemberPlace[]): Promise<void> {
    const place = members.find(({ number }) => number === founder);
    if (place === undefined || this.book.isFounded) return;
    const { timers, random, log } = this.#options;
    const { signal } = this.#stopped;
    const { name, peerAddress, apiAddress } = place;
    try {
      await retry(
        async () => {
          await this.replica.read();
          if (this.book.isFounded) return;
          await this.#proposer.propose<'foundMember'>({ kind: 'foundMember', name, peerAddress, apiAddress });
        },
        { backoff: foundingBackoff, timers, random, attemptsLimit: Infinity, signal },
      );
    } catch (error) {
      if (!signal.aborted) log.error('the group was not founded', { error: toOpError(error) });
    }
  }
}

interface ServiceParts {
  readonly self: MemberId;
  readonly files: Files;
  readonly machine: MetadataMachine;
  readonly book: AddressBook;
  readonly applied: AppliedSignal;
  readonly host: ReplicaHost;
}

/** The members tell each other which cluster versions their programs know. */
function settingsOf({ settings = {} }: ServiceOptions, supportedVersion: number): Partial<HostSettings> {
  return { ...settings, raft: { ...(settings.raft ?? hostSettingsDefault.raft), supportedVersion } };
}

/** Everything of a database that is damaged is in the log, or at a peer: it is made anew from there. */
function openState(options: MetadataOptions & { readonly path: string }, log: Log): MetadataMachine {
  const { path, files } = options;
  try {
    return MetadataMachine.open(options);
  } catch (error) {
    if (!isDamage(error)) throw error;
    log.error('the database is damaged, and is made anew from snapshot, log and peers', { path, error });
    removeDatabase(files, path);
    return MetadataMachine.open(options);
  }
}

/** Of what SQLite says. A disk that fails to read or write is not mended by writing it anew. */
function isDamage(error: unknown): error is OpError {
  return isOpError(error) && error.code === 'STATE_DATABASE_FAILED' && /SQLITE_(CORRUPT|NOTADB)/.test(error.message);
}

/** A server that its peers would refuse does not start. */
function checkName(directory: string, name: string, place: MemberPlace | null): void {
  if (place === null || place.name === name) return;
  throw new OpError('RAFT_MEMBER_MISTAKEN', {
    directory,
    found: `the metadata server ${place.name}`,
    expected: `${name}, by its certificate`,
  });
}
