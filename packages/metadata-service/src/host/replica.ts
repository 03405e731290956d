// One group of the host: what the core's steps ask for is carried out here, with the group's log, state machine and snapshots, and
// whoever waits for something of the group is answered.
//
// Snapshots bound the log: one is taken when enough was applied since the last, and when it is durable the log is let go up to the
// one before it. So the newest may be lost and the state still be had from the older one and the log.
//
// A machine without room on its disk is waited for: what is proposed is refused, what was committed waits, and who reads what was
// applied does so. A leader is asked to hand over, since whoever follows it may have room.
import { invariant, isOpError, mib, OpError, sleep, type LogIndex, type Random, type Timer } from '@holdfast/base';
import type { Timers } from '@holdfast/base';
import { decodeConfiguration, decodeVersion, isJoint } from '@holdfast/raft';
import type {
  ConfigurationChange,
  Effects,
  Entry,
  GroupId,
  MemberId,
  Proposal,
  ProposalId,
  RaftCore,
  RaftEvent,
  Recovered,
  RoleChange,
  SnapshotEffect,
  SnapshotMark,
  Standing,
} from '@holdfast/raft';
import type { Log } from '@holdfast/telemetry';
import type { HostObserver, HostSettings, Replica, ReplicaStatus } from './host-options.ts';
import type { SnapshotStore } from './snapshot-store.ts';
import type { StateMachine } from './state-machine.ts';
import type { StorageWriter } from './storage-writer.ts';
import { outcomeUnknown, WaitingChange, WaitingProposals, WaitingReads } from './waiting.ts';

export interface ReplicaParts {
  readonly group: GroupId;
  readonly self: MemberId;
  readonly machine: StateMachine;
  readonly core: RaftCore;
  readonly recovered: Recovered;
  readonly writer: StorageWriter;
  readonly snapshots: SnapshotStore;
  readonly settings: HostSettings;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log | null;
  readonly observer: HostObserver | null;
  /** Steps the group, carries out what follows from it, and answers why the event was not taken; null if it was. */
  readonly run: (event: RaftEvent) => OpError | null;
  readonly onFailed: (error: OpError) => void;
  /** The machine has no room on its disk (true, at each attempt), or has it again. */
  readonly onFull: (isFull: boolean) => void;
}

/** How long a full disk is left alone. */
const fullRetryMs = 1_000;
/** Of entries that wait for room: more than the log finds on the disk that has none. Past them the member ends, and its log has them. */
const stalledBytesMax = 256 * mib;
/** Entries that are applied at once; everything else of the process waits for them. */
const applyEntriesMax = 1024;
/** What a follower gathers before it applies, since each batch costs something by itself. Whoever waits for an entry waits no longer. */
const gatherMs = 20;

export class GroupReplica implements Replica {
  readonly #parts: ReplicaParts;
  readonly #proposals: WaitingProposals;
  readonly #reads: WaitingReads;
  readonly #change: WaitingChange<Entry>;
  readonly #transfer: WaitingChange<RoleChange>;
  /** Of this turn, proposed and asked together at its end. */
  #toPropose: Proposal[] = [];
  #toRead: number[] = [];
  #lastReadId = 0;
  #toApply: Entry[] = [];
  /** Runs while nobody waits for what is to be applied. */
  #gathering: Timer | null = null;
  #role: RoleChange | null = null;
  #isInstalling = false;
  #isTaking = false;
  #isSnapshotWanted = false;
  /** Why the machine takes nothing at this time, and when it is asked again. */
  #full: OpError | null = null;
  #retry: Timer | null = null;
  /** Of `#toApply`, since the machine took nothing; null while it takes what comes. */
  #stalledBytes: number | null = null;
  /** Since the newest snapshot. */
  #appliedBytes: number;
  /** Why nothing is taken in any more. */
  #end: OpError | null = null;

  constructor(parts: ReplicaParts) {
    this.#parts = parts;
    const { settings, recovered, snapshots } = parts;
    this.#proposals = new WaitingProposals(settings);
    this.#reads = new WaitingReads(settings);
    this.#change = new WaitingChange('changes of the group', settings);
    this.#transfer = new WaitingChange('transfers of leadership', settings);
    const since = snapshots.newest?.index ?? 0;
    this.#appliedBytes = recovered.entries
      .filter(({ index }) => index > since && index <= recovered.applied)
      .reduce((sum, { data }) => sum + data.length, 0);
  }

  get group(): GroupId {
    return this.#parts.group;
  }

  get standing(): Standing {
    return this.#parts.core.standing;
  }

  get status(): ReplicaStatus {
    const { core, snapshots } = this.#parts;
    return {
      ...core.status,
      waitingProposals: this.#proposals.size,
      waitingReads: this.#reads.size,
      snapshotIndex: snapshots.newest?.index ?? 0,
      full: this.#whyFull,
    };
  }

  async propose(id: ProposalId, data: Uint8Array, version = 1): Promise<Uint8Array> {
    this.#refuseEnded();
    const full = this.#whyFull;
    if (full !== null) throw full;
    checkProposalId(id);
    const { answer, isNew } = this.#proposals.add(id);
    if (isNew) {
      this.#scheduleFlush();
      this.#toPropose.push({ id, data, version });
    }
    return answer;
  }

  async read(): Promise<void> {
    this.#refuseEnded();
    const id = ++this.#lastReadId;
    const done = this.#reads.add(id);
    this.#scheduleFlush();
    this.#toRead.push(id);
    return done;
  }

  async changeConfiguration(changes: readonly ConfigurationChange[]): Promise<void> {
    return this.#changeGroup({ kind: 'change-configuration', changes }, ({ kind, data }) => {
      return kind === 'configuration' && !isJoint(decodeConfiguration(data));
    });
  }

  async raiseVersion(version: number): Promise<void> {
    return this.#changeGroup({ kind: 'raise-version', version }, ({ kind, data }) => {
      return kind === 'version' && decodeVersion(data) >= version;
    });
  }

  async transfer(to: MemberId): Promise<void> {
    this.#refuseEnded();
    const done = this.#transfer.add(({ leader }) => leader === to);
    const refused = this.#parts.run({ kind: 'transfer', to });
    if (refused !== null) this.#transfer.reject(refused);
    return done;
  }

  async #changeGroup(event: RaftEvent, isDone: (entry: Entry) => boolean): Promise<void> {
    this.#refuseEnded();
    const { index: lastIndex } = this.#parts.core.status.last;
    const done = this.#change.add((entry) => entry.index > lastIndex && isDone(entry));
    const refused = this.#parts.run(event);
    if (refused !== null) this.#change.reject(refused);
    return done;
  }

  /** What a step wants done here; its messages are sent by then. */
  carryOut(effects: Effects): void {
    const { writer } = this.#parts;
    if (effects.write !== null) writer.write(effects.write);
    if (effects.committed.length > 0) this.#takeCommitted(effects.committed);
    for (const { id, error } of effects.refusedProposals) this.#proposals.refuse(id, error);
    for (const { id, error } of effects.refusedReads) this.#reads.refuse(id, error);
    for (const read of effects.reads) this.#reads.confirm(read, this.#parts.machine.applied);
    if (effects.reads.length > 0 && this.#gathering !== null) this.#applySoon();
    if (effects.role !== null) this.#noteRole(effects.role);
    for (const effect of effects.snapshots) this.#serveSnapshot(effect);
  }

  tick(): void {
    if (this.#full === null) this.#keep();
    this.#parts.writer.tick();
    this.#proposals.tick();
    this.#reads.tick();
    this.#change.tick();
    this.#transfer.tick();
  }

  /** Takes nothing in any more; who waits is still answered. */
  refuse(error: OpError): void {
    this.#end ??= error;
  }

  /** Answers everybody who waits, and lets go of the files. */
  close(error: OpError): void {
    this.refuse(error);
    this.#proposals.rejectAll(error);
    this.#reads.rejectAll(error);
    this.#change.reject(error);
    this.#transfer.reject(error);
    this.#toApply = [];
    this.#gathering?.cancel();
    this.#retry?.cancel();
    this.#parts.writer.stop();
    this.#parts.snapshots.close();
  }

  get #whyFull(): OpError | null {
    return this.#full ?? this.#parts.writer.full;
  }

  #refuseEnded(): void {
    if (this.#end !== null) throw this.#end;
  }

  #scheduleFlush(): void {
    if (this.#toPropose.length > 0 || this.#toRead.length > 0) return;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const proposals = this.#toPropose;
    const ids = this.#toRead;
    this.#toPropose = [];
    this.#toRead = [];
    if (this.#end !== null) return;
    if (proposals.length > 0) this.#parts.run({ kind: 'propose', proposals });
    if (ids.length > 0) this.#parts.run({ kind: 'read', ids });
  }

  #noteRole(change: RoleChange): void {
    const before = this.#role;
    this.#role = change;
    this.#transfer.see(change);
    const leader = before?.leader ?? null;
    if (leader !== change.leader) {
      this.#parts.log?.info('leader', { group: this.group, leader: change.leader, term: change.term });
    }
    if (leader === null || (leader === change.leader && before?.term === change.term)) return;
    this.#proposals.rejectAll(outcomeUnknown('the leader that it was sent to leads no more'));
    this.#reads.refuseUnconfirmed(new OpError('RAFT_LEADER_CHANGED', {}));
  }

  #takeCommitted(entries: readonly Entry[]): void {
    const isUnderWay = this.#toApply.length > 0 && this.#gathering === null;
    this.#toApply.push(...entries);
    if (isUnderWay) {
      if (this.#stalledBytes !== null) this.#countStalled(entries, this.#stalledBytes);
    } else if (this.#mayGather) {
      this.#gathering ??= this.#parts.timers.after(gatherMs, () => this.#applySoon());
    } else {
      this.#applySoon();
    }
  }

  get #mayGather(): boolean {
    if (this.#role?.role === 'leader' || this.#toApply.length >= applyEntriesMax) return false;
    return this.#proposals.size === 0 && this.#reads.size === 0;
  }

  /**
   * Behind the write of the same step, whose hand-over to the log's thread is a microtask too: the disk works while this applies. A
   * promise, because what is thrown then is heard like every other defect.
   */
  #applySoon(): void {
    this.#gathering?.cancel();
    this.#gathering = null;
    void Promise.resolve().then(() => this.#applySome());
  }

  #countStalled(entries: readonly Entry[], before: number): void {
    this.#stalledBytes = entries.reduce((sum, { data }) => sum + data.length, before);
    if (this.#stalledBytes > stalledBytesMax && this.#full !== null) this.#parts.onFailed(this.#full);
  }

  /** After a start, or behind a snapshot, there can be much of it: everything else has its turn in between. */
  #applySome(): void {
    const entries = this.#toApply.slice(0, applyEntriesMax);
    if (entries.length === 0 || this.#isInstalling) return;
    if (!this.#apply(entries)) return;
    this.#toApply.splice(0, entries.length);
    if (this.#toApply.length > 0) this.#parts.timers.after(0, () => this.#applySome());
    else this.#considerSnapshot();
  }

  #apply(entries: readonly Entry[]): boolean {
    const { machine, observer, group } = this.#parts;
    let answers: readonly (Uint8Array | null)[];
    try {
      answers = machine.apply(entries);
    } catch (error) {
      this.#stumble(error);
      if (this.#full !== null) this.#stalledBytes ??= 0;
      return false;
    }
    invariant(answers.length === entries.length, `${answers.length} answers to ${entries.length} entries`);
    entries.forEach((entry, at) => this.#answer(entry, answers[at] ?? null));
    this.#reads.noteApplied(machine.applied);
    observer?.onApplied?.(group, machine.applied);
    return true;
  }

  /** Whether the machine kept what was applied. */
  #keep(): boolean {
    try {
      this.#parts.machine.keep?.();
      return true;
    } catch (error) {
      this.#stumble(error);
      return false;
    }
  }

  /** A full disk is waited for; whatever else the machine fails with is the end. */
  #stumble(error: unknown): void {
    if (!isOpError(error)) throw error;
    const { timers, onFull, onFailed } = this.#parts;
    if (error.code !== 'STATE_DISK_FULL') {
      onFailed(error);
      return;
    }
    this.#full = error;
    this.#retry ??= timers.after(fullRetryMs, () => this.#tryAgain());
    onFull(true);
  }

  #tryAgain(): void {
    this.#retry = null;
    if (!this.#keep()) return;
    const isStalled = this.#stalledBytes !== null;
    this.#full = null;
    this.#stalledBytes = null;
    this.#parts.onFull(false);
    if (isStalled) this.#applySome();
  }

  #answer(entry: Entry, answer: Uint8Array | null): void {
    this.#appliedBytes += entry.data.length;
    if (entry.kind !== 'command') this.#change.see(entry);
    if (entry.proposal === null) return;
    invariant(answer !== null, `no answer to the proposal in entry ${entry.index}`);
    this.#proposals.answer(entry.proposal, answer);
  }

  #serveSnapshot(effect: SnapshotEffect): void {
    switch (effect.kind) {
      case 'snapshot-read':
        this.#go(this.#readPart(effect));
        return;
      case 'snapshot-write':
        this.#writePart(effect);
        return;
      case 'snapshot-install':
        this.#go(this.#install(effect.mark));
    }
  }

  /** What goes wrong with the files of snapshots is borne; what goes wrong otherwise is the end. */
  #go(work: Promise<void>): void {
    void work.catch((error: unknown) => {
      if (!isOpError(error)) throw error;
      this.#parts.onFailed(error);
    });
  }

  async #readPart(effect: Extract<SnapshotEffect, { readonly kind: 'snapshot-read' }>): Promise<void> {
    const chunk = await this.#parts.snapshots.readPart(effect).catch((error: unknown) => this.#trouble(error));
    if (chunk === null && (this.#parts.snapshots.newest?.index ?? 0) < effect.leastIndex) {
      this.#isSnapshotWanted = true;
      this.#considerSnapshot();
    }
    this.#parts.run({ kind: 'snapshot-read', to: effect.to, repairs: effect.repairs, chunk });
  }

  #writePart(effect: Extract<SnapshotEffect, { readonly kind: 'snapshot-write' }>): void {
    let nextOffset = effect.offset;
    try {
      nextOffset = this.#parts.snapshots.receive(effect);
    } catch (error) {
      // The same part is sent again after a while; by then the disk may have room.
      this.#trouble(error);
    }
    this.#parts.run({ kind: 'snapshot-written', id: effect.mark.id, nextOffset });
  }

  async #install(mark: SnapshotMark): Promise<void> {
    const { snapshots, machine, observer, group } = this.#parts;
    this.#isInstalling = true;
    const isInstalled = (await snapshots.accept(mark)) && (await this.#loadWithRoom());
    this.#isInstalling = false;
    if (isInstalled) {
      this.#appliedBytes = 0;
      this.#toApply = [];
      // What they proposed may be in the snapshot, and its answer is nowhere.
      this.#proposals.rejectAll(outcomeUnknown('a snapshot took the place of the entries'));
      observer?.onApplied?.(group, machine.applied);
    }
    this.#parts.run({ kind: 'snapshot-installed', id: mark.id, isInstalled });
    this.#reads.noteApplied(machine.applied);
    // What had not been applied when the snapshot came, and is still to be applied if nothing came of it.
    this.#applySome();
  }

  async #load(): Promise<boolean> {
    const newest = await this.#parts.snapshots.openNewest();
    if (newest === null) return false;
    try {
      await this.#parts.machine.install(newest.source);
      return true;
    } finally {
      newest.source.close();
    }
  }

  /** A disk without room for the state that came is waited for: the leader goes on sending what follows the snapshot. */
  async #loadWithRoom(): Promise<boolean> {
    for (;;) {
      try {
        return await this.#load();
      } catch (error) {
        if (!isOpError(error) || !fullCodes.has(error.code)) throw error;
        this.#trouble(error);
        await sleep(this.#parts.timers, fullRetryMs);
        if (this.#end !== null) return false;
      }
    }
  }

  #considerSnapshot(): void {
    if (this.#isTaking || this.#isInstalling || this.#toApply.length > 0 || this.#end !== null) return;
    if (this.#appliedBytes < this.#parts.settings.snapshotLogBytes && !this.#isSnapshotWanted) return;
    this.#go(this.#takeSnapshot());
  }

  async #takeSnapshot(): Promise<void> {
    const { core, machine, snapshots, random, self, log } = this.#parts;
    const mark = core.mark(`${self}-${random.below(2 ** 47).toString(36)}`);
    // One event can step a group twice; what the second step hands out is applied in a moment, and this is asked again.
    if (mark.index <= (snapshots.newest?.index ?? 0) || mark.index !== machine.applied) return;
    // The founders stand in no entry: a newcomer that got the log from its beginning hears of members with their first change, and
    // nobody could begin with a snapshot of less.
    if (mark.configuration.voters.length === 0) return;
    this.#isTaking = true;
    this.#isSnapshotWanted = false;
    this.#appliedBytes = 0;
    try {
      await snapshots.take(mark, machine.snapshot());
      log?.info('snapshot taken', { group: this.group, index: mark.index });
    } catch (error) {
      // The log goes on growing, and the next one is tried when it has grown as much again.
      this.#trouble(error);
    } finally {
      this.#isTaking = false;
    }
    this.#compact(core.status.base.index);
  }

  #compact(baseIndex: LogIndex): void {
    const { previous } = this.#parts.snapshots;
    if (previous !== null && previous.index > baseIndex) this.#parts.run({ kind: 'compact', mark: previous });
  }

  /** A file of a snapshot that could not be read or written; null, as for none. */
  #trouble(error: unknown): null {
    if (!isOpError(error)) throw error;
    this.#parts.log?.warn('snapshot in trouble', { group: this.group, error });
    return null;
  }
}

const fullCodes: ReadonlySet<string> = new Set(['DISK_FULL', 'STATE_DISK_FULL']);

function checkProposalId({ session, sequence }: ProposalId): void {
  for (const value of [session, sequence]) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    throw new OpError('ID_MALFORMED', { id: 'proposal id', value, form: 'two whole numbers from 0' });
  }
}
