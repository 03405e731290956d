// The judge of the fencing rules: hears everything that the parts of the model do, and passes it on to those who judge the log,
// the blocks, the data and the snapshots. The first broken promise ends the run.
import type { Block, Tag, Writer } from '../block.ts';
import type { CommandId } from '../metadata/callers.ts';
import type { Command } from '../metadata/command.ts';
import type { Applied } from '../metadata/machine.ts';
import type { MetadataState } from '../metadata/state.ts';
import type { Admission, Answerer, Observer, Proposer } from '../ports.ts';
import { BlockJudge } from './block-judge.ts';
import { CallerJudge } from './caller-judge.ts';
import { DataJudge } from './data-judge.ts';
import { EndJudge } from './end-judge.ts';
import { Excuses, type Facts } from './facts.ts';
import { GrantBook } from './grant-book.ts';
import { LogJudge } from './log-judge.ts';
import { SnapshotJudge } from './snapshot-judge.ts';

export class FencingJudge implements Observer {
  readonly log: LogJudge;
  readonly #book = new GrantBook();
  readonly #excuses: Excuses;
  readonly #data: DataJudge;
  readonly #blocks: BlockJudge;
  readonly #snapshots: SnapshotJudge;
  readonly #ends: EndJudge;
  readonly #callers: CallerJudge;

  constructor(facts: Facts) {
    this.#excuses = new Excuses(facts);
    this.#data = new DataJudge(facts.report, facts.nowMs);
    this.#snapshots = new SnapshotJudge(facts, this.#data);
    const shared = { facts, excuses: this.#excuses, book: this.#book, data: this.#data, state: () => this.log.state };
    this.#ends = new EndJudge(shared);
    this.log = new LogJudge({ ...shared, snapshots: this.#snapshots, ends: this.#ends });
    this.#blocks = new BlockJudge(shared);
    this.#callers = new CallerJudge(facts.report);
  }

  applied(member: string, applied: Applied, digest: number, after: MetadataState | null = null): void {
    this.log.applied(member, applied, { digest, after });
  }
  became(index: number, state: MetadataState): void {
    this.log.became(index, state);
  }
  tookEffect({ index }: Applied, by: CommandId): void {
    this.#callers.tookEffect(index, by);
  }
  gaveUp(id: CommandId, last: number): void {
    this.#callers.gaveUp(id, last);
  }
  proposing(by: Proposer, command: Command): void {
    if (command.kind === 'end-session') this.#ends.proposing(by, command);
  }
  renewing(): number {
    return this.log.index;
  }
  answering(session: string, by: Answerer): void {
    this.#ends.answering(session, by);
  }
  renewed(session: string, arrivedAt: number): void {
    this.#ends.renewed(session, arrivedAt);
  }
  submitted(admission: Admission, isPastDeadline: boolean): void {
    this.#blocks.submitted(admission, isPastDeadline);
  }
  landed(landing: { readonly device: string; readonly at: number; readonly block: Block }): void {
    this.#blocks.landed(landing);
  }
  powerLost(device: string): void {
    this.#excuses.lostPower(device);
    this.#data.powerLost();
  }
  writing(tag: Tag): void {
    this.#data.cuts.writing(tag);
  }
  wrote(tag: Tag, isDone: boolean): void {
    if (isDone && this.#isHolder(tag)) this.#data.wrote(tag);
  }
  flushing(writer: Writer): number {
    return this.#data.flushing(writer);
  }
  flushed(writer: Writer, ticket: number): void {
    if (this.#isHolder(writer)) this.#data.flushed(ticket);
  }
  reading(writer: Writer, block: number): number {
    return this.#data.reading(writer, block);
  }
  read(writer: Writer, ticket: number, data: Tag | null): void {
    // What a node reads whose grant is over proves nothing about order, only about whose data it may see.
    const isForeignExcused =
      this.#excuses.findForRead({ session: writer.session, node: writer.node, pool: this.#poolOf(writer) }) !== null;
    if (!isForeignExcused) this.#data.read(ticket, data, this.#isHolder(writer) || this.#isBetweenRoles(writer));
  }
  frozen(node: string): void {
    this.#excuses.frozen(node);
  }

  #poolOf({ volume }: Writer): string {
    return this.log.state.volumes[volume]?.pool ?? '';
  }

  /** F8: a node without the role that answers from its cache must not be behind whoever had it since. */
  #isBetweenRoles({ epoch, session }: Writer): boolean {
    return epoch === 0 && this.log.state.sessions[session]?.endedBy === null;
  }

  #isHolder(of: Pick<Writer, 'volume' | 'generation' | 'epoch'>): boolean {
    const grant = this.#book.of(of);
    return grant !== null && grant.certificate === null && this.#book.successor(grant) === null;
  }

  conclude(): void {
    this.#snapshots.conclude(this.log.state);
  }
}
