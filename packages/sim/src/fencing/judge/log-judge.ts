// Reads the metadata log as it is applied, by a book of its own, and holds each entry to the contract: epochs, certificates,
// intents, extents, generations, taints; what concerns the end of sessions goes on to its own judge.
import { applyCommand, type Applied } from '../metadata/machine.ts';
import type { Answer, Command, ReadBack } from '../metadata/command.ts';
import { groupParts } from '../metadata/group-cuts.ts';
import { emptyState, type CertificateKind, type MetadataState, type VolumeMap } from '../metadata/state.ts';
import type { DataJudge } from './data-judge.ts';
import type { EndJudge } from './end-judge.ts';
import { ExtentJudge } from './extent-judge.ts';
import type { Excuses, Facts } from './facts.ts';
import type { GrantBook } from './grant-book.ts';
import type { SnapshotJudge } from './snapshot-judge.ts';

export interface LogJudgeParts {
  readonly facts: Facts;
  readonly excuses: Excuses;
  readonly book: GrantBook;
  readonly data: DataJudge;
  readonly snapshots: SnapshotJudge;
  readonly ends: EndJudge;
}

type Of<Kind extends Command['kind']> = Extract<Command, { readonly kind: Kind }>;

/** What most entries are. */
const freesNothing: ReadonlySet<Command['kind']> = new Set([
  'publish',
  'stage',
  'resume',
  'acknowledge',
  'intend',
  'intend-group',
]);

export class LogJudge {
  readonly #parts: LogJudgeParts;
  state: MetadataState = emptyState();
  #index = 0;
  readonly #digests: number[] = [0];
  readonly #agents = new Map<string, number>();
  readonly #acknowledged = new Set<string>();
  readonly #unmapped = new Set<string>();
  /** Volumes of the group that the entry is about. */
  #cut: readonly string[] = [];
  readonly #extents: ExtentJudge;

  constructor(parts: LogJudgeParts) {
    this.#parts = parts;
    this.#extents = new ExtentJudge(parts.book);
  }

  #fail(rule: string, text: string): void {
    this.#parts.facts.report(rule, text);
  }

  /** Of the last entry that was applied anywhere. */
  get index(): number {
    return this.#index;
  }

  #end(session: string): void {
    this.#parts.ends.ended(session, this.#index);
  }

  /** `digest` is that of all answers before this one. */
  applied(
    member: string,
    { index, term, command, answer }: Applied,
    { digest, after }: { readonly digest: number; readonly after: MetadataState | null },
  ): void {
    const known = this.#digests[index];
    if (known !== undefined && known !== digest) this.#fail('equal-state', `${member} differs at ${index}`);
    this.#digests[index] = digest;
    if (index <= this.#index) return;
    this.#index = index;
    this.#before(command, answer, term);
    if (after === null) applyCommand(this.state, command, term);
    else this.state = after;
    if (answer.refusal === null) {
      this.#parts.ends.holds(index, this.state);
      this.#after(command, answer);
      if (!freesNothing.has(command.kind)) this.#extents.look(this.state);
    }
    for (const session of answer.waitsFor) this.#parts.ends.waitedFor(session);
  }

  /** By an entry that says nothing of what is judged here, or frees what an earlier one let go of. */
  became(index: number, state: MetadataState): void {
    if (index <= this.#index) return;
    this.#index = index;
    this.state = state;
    this.#parts.ends.holds(index, state);
    this.#extents.look(state);
  }

  #before(command: Command, answer: Answer, term: number): void {
    if (answer.refusal !== null) {
      if (command.kind === 'end-session') this.#parts.ends.refused(command);
      return;
    }
    if ('session' in command && 'agent' in command) this.#judgeAgent(command);
    switch (command.kind) {
      case 'publish':
      case 'stage':
        this.#judgeGrant(command, answer);
        return;
      case 'end-session':
        this.#parts.ends.judge(command, term);
        return;
      case 'certify':
        this.#judgeCertificate(command, term);
        return;
      case 'allocate':
        this.#judgeLease(command, answer);
        return;
      case 'state-off':
      case 'taint':
        this.#judgeTaint(command);
        return;
      default:
        this.#beforeEnd(command);
    }
  }

  /** Of an intent. */
  #beforeEnd(command: Command): void {
    switch (command.kind) {
      case 'commit':
        this.#judgeCommit(command);
        this.#noteWaited(command);
        return;
      case 'withdraw':
        this.#noteWaited(command);
        return;
      case 'commit-group':
      case 'withdraw-group':
        this.#judgeGroup(command);
        return;
      default:
        return;
    }
  }

  /** F4: nobody speaks for an ended session, and no older agent for a living one. */
  #judgeAgent({ session, agent }: { readonly session: string; readonly agent: number }): void {
    if (this.#parts.ends.hasEnded(session)) this.#fail('F4', `a command of ${session} is accepted, which has ended`);
    if (agent < (this.#agents.get(session) ?? 0))
      this.#fail('F4', `a command of agent ${agent} of ${session} is accepted`);
  }

  #judgeGrant(command: Of<'publish' | 'stage'>, answer: Answer): void {
    const { book } = this.#parts;
    const volume = this.state.volumes[command.volume];
    if (volume === undefined || answer.session === '') return;
    const { generation } = this.state;
    const last = book.last(command.volume);
    const own = book.of({ volume: volume.name, generation, epoch: answer.epoch });
    if (own !== null) {
      if (own.session !== answer.session) this.#fail('F4', `epoch ${answer.epoch} of ${volume.name} is given twice`);
      if (own.certificate !== null)
        this.#fail('F4', `epoch ${answer.epoch} of ${volume.name} is given again after ${own.certificate}`);
      return;
    }
    const isLater = last === null || generation > last.generation || answer.epoch > last.epoch;
    if (!isLater) this.#fail('F4', `epoch ${answer.epoch} of ${volume.name} follows ${last.epoch}`);
    if (this.#parts.ends.hasEnded(answer.session))
      this.#fail('F4', `${volume.name} is granted to ${answer.session}, which has ended`);
    if (volume.intents.length > 0) this.#fail('F9', `${volume.name} is granted while an intent is open`);
    const open = book.uncertified(volume.name).filter(({ mode }) => mode !== 'read' || command.mode !== 'read');
    for (const grant of open) {
      this.#fail(
        'F5',
        `${volume.name} is granted to ${answer.session}, and nothing certifies ${grant.session} e${grant.epoch}`,
      );
    }
    const node = this.state.sessions[answer.session]?.node ?? '';
    const { mode } = command;
    const { epoch, session } = answer;
    book.add({ volume: volume.name, pool: volume.pool, generation, epoch, session, node, mode, certificate: null });
  }

  #judgeCertificate(command: Of<'certify'>, term: number): void {
    const { session, pool, as, evidence, by } = command;
    if (this.state.sessions[session]?.certificates[pool] !== undefined) return;
    if (!this.#parts.ends.hasEnded(session)) this.#fail('F5', `${session} is certified (${as}) and has not ended`);
    if (as === 'override') this.#judgeOverride(session, by);
    // An administrator's word stands in whatever term it is heard; nobody waits.
    if (evidence.kind === 'waited' && as !== 'override' && evidence.term !== term)
      this.#fail('F5', `${as} of ${session} counts in another term`);
    if (evidence.kind === 'preempted') this.#judgeReadBacks(session, pool, evidence.readBacks);
    if (as === 'expired') {
      this.#parts.ends.judgeGates(session, 'F5');
      this.#parts.ends.judgeDrain(session);
    }
    if (as === 'rebooted') this.#judgeReboot(session);
    if (as === 'powered-off' && this.#statedBy(session) === '') this.#fail('F5', `nobody said that ${session} is off`);
  }

  #judgeOverride(session: string, by: string): void {
    // Whether its end was asked for or had come already.
    this.#parts.excuses.overridden(session);
    const isPerson = by !== 'leader' && this.state.sessions[by] === undefined;
    if (!isPerson) this.#fail('F5', `${session} is overridden by ${by}, who is no person`);
  }

  /** F5: of every device that the pool really has. */
  #judgeReadBacks(session: string, pool: string, readBacks: readonly ReadBack[]): void {
    for (const { name } of this.#parts.facts.pools.get(pool)?.devices ?? []) {
      const keys = readBacks.find(({ device }) => device === name)?.keys ?? null;
      if (keys === null) this.#fail('F5', `${session} is certified, and nobody has read back ${name}`);
      else if (keys.includes(session)) this.#fail('F5', `${session} is certified, and its key stands on ${name}`);
    }
  }

  #judgeReboot(id: string): void {
    const session = this.state.sessions[id];
    const node = this.#parts.facts.nodes.get(session?.node ?? '');
    if (session?.bootId === node?.bootId) this.#fail('F5', `${id} did not reboot`);
  }

  #statedBy(session: string): string {
    return this.state.nodes[this.state.sessions[session]?.node ?? '']?.statement?.by ?? '';
  }

  /** F10: an extent is given to one, and only when nothing names it and nobody may still write there. */
  #judgeLease({ volume: name }: Of<'allocate'>, { extents }: Answer): void {
    const pool = this.state.pools[this.state.volumes[name]?.pool ?? ''];
    if (pool === undefined) return;
    for (const extent of extents) {
      const record = pool.extents[extent];
      if (record !== undefined && record.state !== 'free')
        this.#fail('F10', `extent ${extent} is leased, and was ${record.state}`);
      const user = this.#extents.whoMayUse(this.state, pool.name, extent);
      if (user !== null) this.#fail('F10', `extent ${extent} is leased, and ${user} may still use it`);
      for (const volume of Object.values(this.state.volumes).filter((each) => each.pool === pool.name)) {
        const isNamed = (map: VolumeMap): boolean => Object.values(map).some((entry) => entry.extent === extent);
        const isTaken = [volume.map, ...Object.values(volume.snapshots)].some(isNamed);
        if (isTaken) this.#fail('F10', `extent ${extent} is leased, and is of ${volume.name}`);
      }
    }
  }

  #judgeCommit({ volume: name, intent: id, revision }: Of<'commit'>): void {
    const { facts, book, data, snapshots } = this.#parts;
    const intent = this.state.volumes[name]?.intents.find((each) => each.id === id && each.revision === revision);
    if (intent === undefined) return;
    for (const { session, epoch } of book.uncertified(name)) {
      const hasSaid = this.#acknowledged.has(`${session} ${name} ${revision}`);
      if (!hasSaid) this.#fail('F9', `${intent.kind} of ${name} commits without ${session} e${epoch}`);
    }
    for (const node of facts.nodes.values()) {
      const volume = node.shared.volumes.get(name);
      if (volume === undefined || (book.of(volume.writer)?.certificate ?? null) !== null) continue;
      if (!volume.isDrainedBelow(intent.revision))
        this.#fail('F9', `${intent.kind} of ${name} commits over requests of ${node.name}`);
    }
    if (intent.kind === 'share') snapshots.making(name, intent.snapshot);
    else data.unmapped(name, intent.from, intent.to);
    if (intent.kind === 'unmap') this.#judgeUnmapOnce(name, id);
  }

  /** Who asks again wants away what was there when he first asked, and nothing that was written since. */
  #judgeUnmapOnce(volume: string, intent: string): void {
    const unmap = `${this.state.generation} ${volume} ${intent}`;
    if (this.#unmapped.has(unmap)) this.#fail('F9', `the unmap ${intent} of ${volume} commits a second time`);
    this.#unmapped.add(unmap);
  }

  #judgeGroup({ kind, group }: Of<'commit-group' | 'withdraw-group'>): void {
    for (const { volume, intent } of groupParts(this.state, group)) {
      const of = { kind: 'commit', volume: volume.name, intent: group, revision: intent.revision } as const;
      if (kind === 'commit-group') this.#judgeCommit(of);
      this.#noteWaited(of);
    }
    this.#cut = groupParts(this.state, group).map(({ volume }) => volume.name);
  }

  /** Up to here the intent waited for every holder; a leader may learn of its end a little later. */
  #noteWaited({ volume }: Of<'commit' | 'withdraw'>): void {
    for (const { session } of this.state.volumes[volume]?.grants ?? []) this.#parts.ends.waitedFor(session);
  }

  #judgeTaint(command: Of<'state-off' | 'taint'>): void {
    if (command.kind === 'state-off') {
      if (command.certificate !== '') this.#fail('F12', `our own taint on ${command.node} is taken for powered-off`);
      return;
    }
    const held = this.#parts.book
      .all()
      .filter(({ node, certificate }) => node === command.node && certificate === null);
    if (held.length > 0) this.#fail('F12', `${command.node} is tainted, and ${held[0]?.volume ?? ''} is not certified`);
    if (command.isForeignAttached) this.#fail('F12', `${command.node} is tainted over another driver’s volume`);
  }

  #after(command: Command, answer: Answer): void {
    switch (command.kind) {
      case 'register':
        this.#agents.set(answer.session, answer.agent);
        this.#parts.ends.spoke(answer.session);
        this.#extents.tornDown(this.state, answer.session);
        this.#catchEnds();
        this.#certifySessions();
        return;
      case 'resume':
        this.#agents.set(command.session, answer.agent);
        this.#parts.ends.spoke(command.session);
        return;
      case 'end-session':
        this.#end(command.session);
        return;
      case 'certify':
        // Beneath a preempted key reads go on; any other proof is of everything.
        if (command.as !== 'preempted') this.#extents.silenced(command.session, command.pool);
        this.#certify(command.as, (grant) => grant.session === command.session && grant.pool === command.pool);
        return;
      case 'release':
        this.#certify(command.as, (grant) => {
          return grant.session === command.session && grant.volume === command.volume && grant.epoch === command.epoch;
        });
        return;
      case 'acknowledge':
        this.#acknowledged.add(`${command.session} ${command.volume} ${command.revision}`);
        return;
      default:
        this.#afterOther(command);
    }
  }

  #afterOther(command: Command): void {
    const { data, snapshots } = this.#parts;
    switch (command.kind) {
      case 'commit':
        snapshots.committed(this.state, command.volume);
        return;
      case 'commit-group':
        snapshots.committedGroup(this.state, command.group, this.#cut);
        return;
      case 'clone':
        snapshots.cloned(command);
        return;
      case 'silence':
        this.#extents.silenced(command.session, command.pool);
        this.#parts.book.silence(command.session, command.pool, this.#parts.facts.nowMs());
        return;
      case 'restore':
        this.#catchEnds();
        // Without a backup the generation is raised over the state that there is.
        if (command.backup === '') return;
        data.forget();
        snapshots.forget();
        this.#parts.ends.restored();
        return;
      case 'open-generation':
        if (this.state.pools[command.pool]?.fencing !== 'reservation') this.#noteStatement();
        this.#certifySessions();
        return;
      default:
        return;
    }
  }

  /** F11: in pools without reservations a generation opens on a person's word about everybody older. */
  #noteStatement(): void {
    const { book, excuses } = this.#parts;
    const older = book.all().filter(({ generation }) => generation < this.state.generation);
    for (const { session } of older) excuses.stated(session);
  }

  /** Sessions that ended with a later registration, or with their generation. */
  #catchEnds(): void {
    for (const { id, endedBy } of Object.values(this.state.sessions)) if (endedBy !== null) this.#end(id);
    for (const { session, generation } of this.#parts.book.all()) {
      if (generation < this.state.generation) this.#end(session);
    }
  }

  #certifySessions(): void {
    for (const { id, certificates } of Object.values(this.state.sessions)) {
      for (const [pool, kind] of Object.entries(certificates)) {
        this.#certify(kind, (grant) => grant.session === id && grant.pool === pool);
      }
    }
    for (const { name, openGeneration } of Object.values(this.state.pools)) {
      this.#certify('expired', (grant) => grant.pool === name && grant.generation < openGeneration);
    }
  }

  #certify(kind: CertificateKind, isMeant: Parameters<GrantBook['certify']>[1]): void {
    for (const { volume, mode } of this.#parts.book.certify(kind, isMeant)) {
      if (mode !== 'read') this.#parts.data.ended(volume, kind === 'released');
    }
  }
}
