// The metadata of a cluster as a raft group's state machine: the main path of everything in this folder. A batch of committed
// entries takes effect as a whole with the index of its last entry, so that state and index never disagree, whenever the process
// ends. Batches are committed to the file together (`keep`): what a crash of the process or of the machine takes with it is in
// the log still, and `durable` says from where. What later batches overwrite is not even written until then, or until somebody
// looks.
//
// A command that is refused has changed nothing; its answer is the refusal. What cannot be answered ends the process: a command
// of a later release (this one would come to another state), and a database that fails.
//
// What fails, a batch or a commit for which the disk has no room, takes back everything since the last commit: what many batches had
// changed, whose answers were given and whose state was read. So what is not committed is kept as entries too, and applied again at
// once, in memory, before anybody looks. Who calls while the disk is full hears STATE_DISK_FULL, and tries again when there may be
// room. Until then so much more is applied as may wait for a commit, and nothing beyond.
import { crc32 } from 'node:zlib';
import { invariant, isOpError, OpError, toLogIndex, type LogIndex } from '@holdfast/base';
import { decodeVersion, type Entry } from '@holdfast/raft';
import type { SnapshotSource, StateMachine } from '../host/state-machine.ts';
import { firstAnswer, keepAnswer } from './clients.ts';
import { decodeCommand, encodeRefusal, encodeResult } from './command-codec.ts';
import { commands, type Command } from './commands.ts';
import { type StateDatabase } from './database.ts';
import { compactFeed } from './feed.ts';
import { handle } from './handlers.ts';
import { query } from './query.ts';
import { beginAnew, type NewBeginning } from './new-beginning.ts';
import { knownVersion, schemaSteps, type SchemaStep } from './schema.ts';
import { dumpState, hashState } from './state-dump.ts';
import type { StateHashing } from './state-hashing.ts';
import { StateFile, type StateFileOptions } from './state-file.ts';
import { State } from './state.ts';

/** A path of null keeps the state in memory: for a simulated member, which gets it back from a snapshot and its log. */
export interface MetadataOptions extends StateFileOptions {
  /** Other than this release's: for tests of releases that there are not yet. */
  readonly schema?: readonly SchemaStep[];
}

/** Rows that are changed without a commit: what a commit may write at once, and a process that is killed reads again from the log. */
const unkeptChangesMax = 16_384;
/** Of the entries that changed them, which wait with them. */
const unkeptBytesMax = 16 * 1024 * 1024;
const hasCluster = query<{ readonly name: string }>("SELECT name FROM sqlite_schema WHERE name = 'cluster'");
const empty = new Uint8Array(0);

export class MetadataMachine implements StateMachine {
  readonly #schema: readonly SchemaStep[];
  readonly #file: StateFile;
  #state: State;
  /** When it was opened, or took the place of another. */
  #begun: LogIndex;
  #keptChanges = 0;
  /** Whether something that was applied has to be written before anybody looks; a batch itself knows what it may look at. */
  #isOwing = false;
  /** Behind it nobody finds anything here any more. */
  #failure: OpError | null = null;
  /** What was applied since the last commit. */
  #unkept: Entry[] = [];
  #unkeptBytes = 0;

  private constructor(file: StateFile, schema: readonly SchemaStep[]) {
    this.#schema = schema;
    this.#file = file;
    this.#state = this.#begin();
    this.#begun = this.applied;
  }

  static open(options: MetadataOptions): MetadataMachine {
    return new MetadataMachine(new StateFile(options), options.schema ?? schemaSteps);
  }

  get applied(): LogIndex {
    return toLogIndex(this.#state.cluster.applied);
  }
  /** The last entry that a crash of the machine leaves in the state; the log is needed behind it. */
  get durable(): LogIndex {
    return this.#file.durable ?? this.#begun;
  }
  /** For whoever reads at this index: see reads.ts. Nobody else writes. */
  get database(): StateDatabase {
    return this.#file.database;
  }

  apply(entries: readonly Entry[]): (Uint8Array | null)[] {
    const isMuch = this.database.changes - this.#keptChanges >= unkeptChangesMax || this.#unkeptBytes >= unkeptBytesMax;
    if (isMuch) this.keep();
    this.#file.beforeTransaction();
    const answers = this.#inTransaction(() => entries.map((entry) => this.#applyEntry(entry)));
    for (const entry of entries) {
      this.#unkept.push(entry);
      this.#unkeptBytes += entry.data.length;
    }
    return answers;
  }

  keep(): void {
    this.#file.keep(this.applied, () => this.#commit());
  }

  snapshot(): SnapshotSource {
    this.#commit();
    return this.#file.source(this.applied);
  }

  async install(source: SnapshotSource): Promise<void> {
    this.#commit();
    this.#file.replace(source, this.applied, (database) => this.#checkVersion(State.read(database).version));
    this.#state = this.#begin();
    this.#begun = this.applied;
  }

  /** Everything up to `applied` is durable behind this, unless a snapshot is being read. */
  checkpoint(): void {
    this.#commit();
    this.#file.checkpoint(this.applied);
  }

  /** Outside of every log: makes of the state of a backup the one that a restored cluster begins with, durably. */
  beginAnew(beginning: NewBeginning): void {
    this.#inTransaction(() => beginAnew(this.#state, beginning));
    this.checkpoint();
  }

  hash(): string {
    return hashState(this.database);
  }
  /** The same, of the state as it is now, for whoever goes on applying. */
  hashing(): StateHashing {
    this.#commit();
    return this.#file.hashing(this.applied);
  }
  dump(): string {
    return dumpState(this.database);
  }

  close(): void {
    try {
      // What is not in the file is in the log.
      if (!this.#file.hasFailed && this.#failure === null) this.checkpoint();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    } finally {
      this.#file.close();
    }
  }

  #begin(): State {
    const { database } = this;
    database.beforeUse(() => this.#settle());
    this.#keptChanges = database.changes;
    if (database.get(hasCluster) === null) {
      database.begin();
      for (const { sql } of this.#schema.filter(({ version }) => version === 1)) database.define(sql);
      database.commit();
      this.#file.checkpoint(toLogIndex(0));
    }
    const state = new State(database);
    this.#checkVersion(state.cluster.version);
    return state;
  }

  /** All or nothing, with the index that it leads to. */
  #inTransaction<Result>(work: () => Result): Result {
    if (this.#failure !== null) throw this.#failure;
    this.database.begin();
    this.#isOwing = false;
    try {
      const result = work();
      this.#isOwing = true;
      return result;
    } catch (error) {
      this.#takeBack(error);
      throw error;
    }
  }

  /** All that was applied is in the database behind this, for whoever reads; nothing of it is committed by that. */
  #settle(): void {
    if (this.#failure !== null) throw this.#failure;
    if (!this.#isOwing) return;
    this.#isOwing = false;
    try {
      this.#state.save();
      this.database.writeRows();
    } catch (error) {
      this.#takeBack(error);
      throw error;
    }
  }

  /** What failed is gone, and everything before it is as it was. */
  #takeBack(failed: unknown): void {
    this.#isOwing = false;
    try {
      this.#applyAgain(failed);
    } catch (error) {
      const reason = 'what was applied before could not be applied again';
      this.#failure = new OpError('STATE_DATABASE_FAILED', { reason }, { cause: error });
      throw this.#failure;
    }
  }

  /** What was not committed: it fits into memory, as it did before. */
  #applyAgain(failed: unknown): void {
    const { database } = this;
    database.rollback();
    this.#keptChanges = database.changes;
    this.#state.reread();
    if (isDiskFull(failed)) this.#makeRoom();
    if (this.#unkept.length === 0) return;
    database.begin();
    for (const entry of this.#unkept) this.#applyEntry(entry);
    this.#isOwing = true;
  }

  /** The write-ahead log is given back: what is in the database already, and all that goes into it. */
  #makeRoom(): void {
    try {
      this.#file.checkpoint(this.applied);
    } catch (error) {
      // Whoever called hears the same of the commit.
      if (!isDiskFull(error)) throw error;
    }
  }

  #applyEntry(entry: Entry): Uint8Array | null {
    const { cluster } = this.#state;
    invariant(entry.index === cluster.applied + 1, `entry ${entry.index} follows ${cluster.applied}`);
    this.#state.enter(entry.index, entry.term);
    cluster.applied = entry.index;
    if (entry.kind === 'version') this.#raiseVersion(decodeVersion(entry.data));
    if (entry.kind !== 'command') return entry.proposal === null ? null : empty;
    const answer = this.#answer(entry);
    cluster.digest = crc32(answer, cluster.digest);
    return answer;
  }

  /** The schema's next steps are part of the entry that raises the version, so they run at one index everywhere. */
  #raiseVersion(version: number): void {
    const { cluster } = this.#state;
    this.#checkVersion(version);
    for (const step of this.#schema) {
      if (step.version <= cluster.schema || step.version > version) continue;
      // It may read any table, and batches end elsewhere on other members.
      this.#state.save();
      this.database.writeRows();
      this.database.define(step.sql);
      cluster.schema = step.version;
    }
    cluster.version = Math.max(cluster.version, version);
  }

  /** A program that does not know the version would come to another state from here on. */
  #checkVersion(found: number): void {
    const known = knownVersion(this.#schema);
    if (found > known) throw new OpError('STATE_VERSION_TOO_NEW', { found, known });
  }

  #answer({ proposal, data }: Entry): Uint8Array {
    const before = this.database.changes;
    try {
      const command = decodeCommand(data);
      // Opening twice does no harm, and who opens has no number yet.
      if (proposal === null || command.kind === 'openClient') return this.#run(command);
      const earlier = firstAnswer(this.#state, proposal);
      if (earlier !== null) return earlier;
      const answer = this.#runOrRefuse(command);
      keepAnswer(this.#state, proposal, answer);
      return answer;
    } catch (error) {
      return this.#refusal(error, before);
    }
  }

  #runOrRefuse(command: Command): Uint8Array {
    const before = this.database.changes;
    try {
      return this.#run(command);
    } catch (error) {
      return this.#refusal(error, before);
    }
  }

  #run(command: Command): Uint8Array {
    const { since } = commands[command.kind];
    const { version } = this.#state.cluster;
    if (since > version) throw new OpError('STATE_COMMAND_TOO_NEW', { command: command.kind, since, version });
    const answer = encodeResult(command.kind, handle(this.#state, command));
    compactFeed(this.#state);
    return answer;
  }

  #refusal(error: unknown, changesBefore: number): Uint8Array {
    if (!isOpError(error) || unanswerable.has(error.code)) throw error;
    invariant(this.database.changes === changesBefore, `what was refused had changed the state: ${error.line}`);
    return encodeRefusal(error);
  }

  #commit(): void {
    this.#settle();
    const { database } = this;
    try {
      database.commit();
    } catch (error) {
      this.#takeBack(error);
      throw error;
    }
    this.#keptChanges = database.changes;
    this.#unkept = [];
    this.#unkeptBytes = 0;
  }
}

const unanswerable: ReadonlySet<string> = new Set([
  ...['STATE_COMMAND_UNKNOWN', 'STATE_DATABASE_FAILED', 'STATE_DISK_FULL'],
]);

function isDiskFull(error: unknown): boolean {
  return isOpError(error) && error.code === 'STATE_DISK_FULL';
}
