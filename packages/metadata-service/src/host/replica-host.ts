// The production host of raft: many groups in one process over one write-ahead log, one set of connections and one tick. This file
// is the main path: how a member starts, what happens at each event, how it ends. Everything goes through `run`, one event
// at a time, so that the core never sees two.
import { join } from 'node:path';
import { invariant, OpError, RealFiles, toOpError, withTimeout, isOpError, type Timer } from '@holdfast/base';
import {
  Groups,
  type GroupId,
  type GroupsEffects,
  type GroupsEvent,
  type MemberId,
  type RaftEvent,
  type Status,
} from '@holdfast/raft';
import type { RaftLog } from '@holdfast/raft-log';
import { inlineSyncer, SyncThread, type FileSyncer } from './file-syncer.ts';
import type { GroupOptions, Host, HostOptions, HostSettings, HostStatus, Replica } from './host-options.ts';
import { appendBytesMax, checkedSettings } from './host-settings.ts';
import { readIdentity, type MemberIdentity } from './identity.ts';
import { openLog, snapshotDirectory } from './initialise.ts';
import { paceOf } from './pace.ts';
import { Peers } from './peers.ts';
import { Reception } from './reception.ts';
import { recoverGroup } from './recovery.ts';
import { GroupReplica } from './replica.ts';
import { SnapshotStore } from './snapshot-store.ts';
import { StorageWriter } from './storage-writer.ts';

/** Between two attempts of one member to hand over what it leads because of its disk. */
const handOnPauseMs = 30_000;

export class ReplicaHost implements Host {
  readonly #options: HostOptions;
  readonly #settings: HostSettings;
  readonly #log: RaftLog;
  readonly #groups: Groups;
  readonly #replicas = new Map<GroupId, GroupReplica>();
  readonly #syncer: FileSyncer;
  readonly #peers: Peers;
  readonly #reception: Reception;
  readonly #ended = Promise.withResolvers<OpError | null>();
  readonly #inbox: GroupsEvent[] = [];
  #isRunning = false;
  #isEnded = false;
  #stopping: Promise<void> | null = null;
  #tickTimer: Timer | null = null;
  #tickedMs: number;
  #toldRefusal = '';
  /** Logs and states whose disk is full. */
  readonly #full = new Set<string>();
  readonly #handedOnMs = new Map<GroupId, number>();
  #address = '';

  private constructor(options: HostOptions, settings: HostSettings, log: RaftLog) {
    this.#options = options;
    this.#settings = settings;
    this.#log = log;
    this.#syncer = options.files === undefined ? new SyncThread() : inlineSyncer;
    this.#tickedMs = options.clock.boottimeMs();
    this.#groups = new Groups({ ...options, settings: settings.raft });
    this.#peers = new Peers({ ...options, settings, log: options.log ?? null });
    this.#reception = new Reception({
      ...options,
      onPeer: (member) => this.#peers.peerCalled(member),
      onMessages: (messages) => {
        for (const message of messages)
          this.#run({ kind: 'group', group: message.group, event: { kind: 'message', message } });
      },
      onBeats: (frame) => this.#run({ kind: 'frame', frame }),
      onRefused: (peer, error) => options.log?.warn('peer refused', { peer, error }),
    });
  }

  /**
   * Starts the member that `initialise` made in this directory. RAFT_MEMBER_UNINITIALISED if there is none: an empty disk under
   * a member that was there before is never taken for a fresh one.
   */
  static async open(options: HostOptions): Promise<ReplicaHost> {
    const settings = checkedSettings(options.settings ?? {}, options.logLimits ?? {});
    const identity = checkedIdentity(options);
    const log = await openLog(options, false);
    const host = new ReplicaHost(options, settings, log);
    try {
      for (const group of options.groups) await host.#addGroup(group, identity);
      host.#address = await host.#reception.open(options.address);
    } catch (error) {
      for (const replica of host.#replicas.values()) replica.close(toOpError(error));
      await log.close();
      throw error;
    }
    host.#begin();
    return host;
  }

  /** Where this member listens, with the port that the system chose for port 0. */
  get address(): string {
    return this.#address;
  }
  get ended(): Promise<OpError | null> {
    return this.#ended.promise;
  }

  get status(): HostStatus {
    return {
      groups: [...this.#replicas.values()].map(({ status }) => status),
      peers: this.#peers.status,
      log: this.#log.stat(),
    };
  }

  replica(group: GroupId): Replica {
    const replica = this.#replicas.get(group);
    if (replica === undefined) throw new OpError('RAFT_GROUP_UNKNOWN', { group });
    return replica;
  }

  async stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #addGroup({ group, stateMachine: machine }: GroupOptions, identity: MemberIdentity): Promise<void> {
    const { options: shared, settings } = { options: this.#options, settings: this.#settings };
    const { cluster, self, files = new RealFiles(), clock, timers, random, log = null, observer = null } = shared;
    const { snapshotBytesPerSecond: bytesPerSecond } = settings;
    const initial = identity.groups.find((each) => each.group === group);
    if (initial === undefined) throw new OpError('RAFT_GROUP_UNKNOWN', { group });
    const snapshots = new SnapshotStore({
      files,
      directory: join(shared.directory, snapshotDirectory),
      cluster,
      group,
      partBytes: settings.snapshotPartBytes,
      chunkBytes: settings.raft.snapshotChunkBytes,
      syncer: this.#syncer,
      rest: () => new Promise((resolve) => void timers.after(0, resolve)),
      pace: () => paceOf({ clock, timers, bytesPerSecond }),
      onTrouble: (error) => log?.warn('snapshot in trouble', { group, error }),
    });
    const { founders } = initial;
    const recovered = await recoverGroup({ log: this.#log, group, founders, snapshots, machine });
    observer?.onRecovered?.(group, recovered);
    this.#groups.add(group, recovered);
    const core = this.#groups.core(group);
    invariant(core !== null, 'a group that was added is there');
    const writer = new StorageWriter({
      log: this.#log,
      group,
      timers,
      appendBytesMax: appendBytesMax(shared.logLimits ?? {}),
      onStored: (ticket) => {
        observer?.onStored?.(group, ticket);
        this.#run({ kind: 'group', group, event: { kind: 'stored', ticket } });
      },
      onFull: (isFull) => this.#noteFull(group, 'log', isFull),
      onStuck: () => this.#handOn(group, 'its disk does not answer'),
      onFailed: (error) => this.#fail(error),
    });
    const replica = new GroupReplica({
      group,
      self,
      machine,
      core,
      recovered,
      writer,
      snapshots,
      settings,
      timers,
      random,
      log,
      observer,
      run: (event) => this.#runGroup(group, event),
      onFailed: (error) => this.#fail(error),
      onFull: (isFull) => this.#noteFull(group, 'state', isFull),
    });
    this.#replicas.set(group, replica);
  }

  #begin(): void {
    const { self, clock } = this.#options;
    this.#tickedMs = clock.boottimeMs();
    this.#scheduleTick();
    for (const { group, status } of this.#replicas.values()) {
      const { voters, outgoing } = status.configuration;
      // Nobody else could be elected, so nobody has to be waited for.
      const isAlone = voters.length === 1 && voters[0] === self && outgoing.length === 0;
      if (isAlone) this.#runGroup(group, { kind: 'campaign' });
    }
  }

  #scheduleTick(): void {
    this.#tickTimer = this.#options.timers.after(this.#settings.tickMs, () => this.#tick());
  }

  #tick(): void {
    const { tickMs, pausedTicks } = this.#settings;
    // Boottime, because the machine may have slept, and its own clock with it.
    const nowMs = this.#options.clock.boottimeMs();
    const passedMs = nowMs - this.#tickedMs;
    this.#tickedMs = nowMs;
    this.#scheduleTick();
    if (passedMs > pausedTicks * tickMs) this.#notePause(passedMs);
    this.#run({ kind: 'tick' });
    for (const replica of this.#replicas.values()) replica.tick();
    this.#peers.tick();
    this.#reception.tick();
  }

  /** Others may have elected a leader meanwhile, and what this process believes is that old. */
  #notePause(passedMs: number): void {
    this.#options.log?.warn('the process stood still', { passedMs: Math.round(passedMs) });
    for (const group of this.#replicas.keys()) this.#runGroup(group, { kind: 'paused' });
  }

  /** One event and everything that follows from it. */
  #run(event: GroupsEvent): GroupsEffects | null {
    if (this.#isEnded) return null;
    if (this.#isRunning) {
      // It follows from the event that is being carried out, which asks for a bounded number of such.
      this.#inbox.push(event);
      return null;
    }
    this.#isRunning = true;
    try {
      const effects = this.#step(event);
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) this.#step(next);
      return effects;
    } finally {
      this.#isRunning = false;
    }
  }

  #step(event: GroupsEvent): GroupsEffects {
    const effects = this.#groups.step(event);
    const { observer } = this.#options;
    if (observer) for (const { group, effects: each } of effects.groups) observer.onStep(group, event, each);
    for (const frame of effects.frames) this.#peers.sendBeats(frame);
    for (const { group, effects: each } of effects.groups) {
      // Before the write: a leader's peers write while it does.
      this.#peers.send(each.messages);
      this.#replicas.get(group)?.carryOut(each);
      this.#noteRefused(each.refused);
    }
    this.#noteRefused(effects.refused);
    return effects;
  }

  #runGroup(group: GroupId, event: RaftEvent): OpError | null {
    const effects = this.#run({ kind: 'group', group, event });
    return effects?.refused ?? effects?.groups.find((each) => each.group === group)?.effects.refused ?? null;
  }

  /** What contradicts what is known here is told, each story once; the rest is what a network does. */
  #noteRefused(error: OpError | null): void {
    // Its leader has an entry that this program must not pass: it would lag behind for ever, and count as a member.
    if (error?.code === 'RAFT_VERSION_UNSUPPORTED') {
      this.#fail(error);
      return;
    }
    if (error?.kind !== 'data-loss' || error.line === this.#toldRefusal) return;
    this.#toldRefusal = error.line;
    this.#options.log?.error('event refused', { error });
  }

  #noteFull(group: GroupId, what: 'log' | 'state', isFull: boolean): void {
    const { log } = this.#options;
    const name = `${group} ${what}`;
    if (!isFull) {
      this.#full.delete(name);
      log?.info(`the ${what} takes entries again`, { group });
      return;
    }
    if (!this.#full.has(name)) log?.warn(`the ${what} takes no entries: its disk is full`, { group });
    this.#full.add(name);
    this.#handOn(group, 'its disk is full');
  }

  /** A leader that cannot write applies nothing of what its followers commit, and answers nobody; another one can. */
  #handOn(group: GroupId, reason: string): void {
    const { log, clock } = this.#options;
    const to = successorOf(this.#replicas.get(group)?.status ?? null);
    const nowMs = clock.boottimeMs();
    // Where it is so with every disk, leadership would go round for nothing.
    if (to === null || nowMs < (this.#handedOnMs.get(group) ?? -Infinity) + handOnPauseMs) return;
    this.#handedOnMs.set(group, nowMs);
    log?.warn('the leader hands over', { group, to, reason });
    this.#runGroup(group, { kind: 'transfer', to });
  }

  async #stop(): Promise<void> {
    const replicas = [...this.#replicas.values()];
    await Promise.all(replicas.map(async (replica) => this.#handOver(replica)));
    for (const replica of replicas) replica.refuse(this.#stoppedBy(null));
    await this.#end(null);
    this.#ended.resolve(null);
  }

  /** Saves the others an election timeout; if it does not work out, they wait for one. */
  async #handOver(replica: GroupReplica): Promise<void> {
    const to = successorOf(replica.status);
    if (to === null) return;
    const { tickMs, raft } = this.#settings;
    const limitMs = 2 * raft.electionTicks * tickMs;
    const { timers, log } = this.#options;
    try {
      await withTimeout({ timers, what: 'handing over leadership', limitMs }, () => replica.transfer(to));
    } catch (error) {
      if (!isOpError(error)) throw error;
      log?.info('leadership was not handed over', { group: replica.group, to, error });
    }
  }

  /** The log or a state machine is over, and with it this process's part in every group. */
  #fail(error: OpError): void {
    if (this.#isEnded) return;
    this.#options.log?.error('the member stops', { error });
    void this.#end(error).then(() => this.#ended.resolve(error));
  }

  async #end(cause: OpError | null): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#tickTimer?.cancel();
    for (const replica of this.#replicas.values()) replica.close(this.#stoppedBy(cause));
    this.#syncer.close();
    await Promise.all([this.#reception.close(), this.#peers.close()]);
    await this.#log.close();
  }

  /** What ends one member says nothing of what was asked of it: the others may have it, and answer to the same id. */
  #stoppedBy(cause: OpError | null): OpError {
    return new OpError('RAFT_HOST_STOPPED', { member: this.#options.self }, { cause });
  }
}

function checkedIdentity({ files = new RealFiles(), directory, cluster, self }: HostOptions): MemberIdentity {
  const identity = readIdentity(files, directory);
  if (identity === null) throw new OpError('RAFT_MEMBER_UNINITIALISED', { directory });
  if (identity.cluster === cluster && identity.member === self) return identity;
  throw new OpError('RAFT_MEMBER_MISTAKEN', {
    directory,
    found: `member ${identity.member} of cluster ${identity.cluster}`,
    expected: `member ${self} of cluster ${cluster}`,
  });
}

/** The voter that leads best after this one: it answers, and has most of the log. Null if this one does not lead. */
export function successorOf(status: Status | null): MemberId | null {
  if (status?.role !== 'leader') return null;
  let best: Status['followers'][number] | null = null;
  for (const follower of status.followers) {
    if (!follower.isActive || !status.configuration.voters.includes(follower.member)) continue;
    if (best === null || follower.match > best.match) best = follower;
  }
  return best?.member ?? null;
}
