// Looks at every block that lands on a raw device, at the moment it lands: whether its writer still may (F1, F5, F11), whether the
// extent is its volume's (F10), whether a snapshot has it (F9).
import { extentBlocks, formatTag, type Block, type Writer } from '../block.ts';
import type { MetadataState, PoolState } from '../metadata/state.ts';
import type { Admission } from '../ports.ts';
import type { DataJudge } from './data-judge.ts';
import type { Excuses, Facts } from './facts.ts';
import type { GrantBook } from './grant-book.ts';

export interface BlockJudgeParts {
  readonly facts: Facts;
  readonly excuses: Excuses;
  readonly book: GrantBook;
  readonly data: DataJudge;
  readonly state: () => MetadataState;
}

export class BlockJudge {
  readonly #parts: BlockJudgeParts;

  constructor(parts: BlockJudgeParts) {
    this.#parts = parts;
  }

  landed({ device, at, block }: { readonly device: string; readonly at: number; readonly block: Block }): void {
    const { state } = this.#parts;
    const extent = Math.floor(at / extentBlocks);
    const pool = Object.values(state().pools).find(({ devices }) => devices.includes(device));
    if (pool === undefined) return;
    const { writer } = block;
    const broken = this.#isLate(pool, writer) ?? this.#isElsewhere(pool, writer, extent);
    if (broken === null) return;
    const text = `${formatTag(block.data)} of ${writer.session} e${writer.generation}.${writer.epoch} lands in extent ${extent} of ${device}: ${broken.text}`;
    this.#judge({ rule: broken.rule, text, pool, writer, extent });
  }

  #judge(late: { rule: string; text: string; pool: PoolState; writer: Writer; extent: number }): void {
    const { facts, excuses, data, state } = this.#parts;
    const { writer, pool, extent } = late;
    const excuse = excuses.find({ session: writer.session, node: writer.node, pool: pool.name });
    if (excuse === null) {
      facts.report(late.rule, late.text);
      return;
    }
    facts.show(excuse, late.text);
    data.spoil(writer.volume);
    for (const volume of Object.values(state().volumes)) {
      const maps = [volume.map, ...Object.values(volume.snapshots)];
      const isThere = maps.some((map) => Object.values(map).some((entry) => entry.extent === extent));
      if (volume.pool === pool.name && isThere) data.spoil(volume.name);
    }
    const record = pool.extents[extent];
    if (record?.state === 'leased') data.spoil(record.volume);
  }

  #isLate(pool: PoolState, writer: Writer): { rule: string; text: string } | null {
    const { book } = this.#parts;
    if (writer.generation < pool.openGeneration) return { rule: 'F11', text: 'its generation is over' };
    const grant = book.of(writer);
    if (grant === null) return { rule: 'F4', text: 'nobody granted that epoch' };
    const successor = book.successor(grant);
    if (successor !== null) return { rule: 'F5', text: `epoch ${successor.epoch} was granted to ${successor.session}` };
    if (grant.certificate !== null) return { rule: 'F5', text: `it is certified: ${grant.certificate}` };
    return null;
  }

  #isElsewhere(pool: PoolState, writer: Writer, extent: number): { rule: string; text: string } | null {
    // Between a restore and the opening of its generation the log knows less than the engines that live on (F11).
    if (pool.openGeneration !== this.#parts.state().generation) return null;
    const record = pool.extents[extent];
    if (record === undefined || record.state === 'free') return { rule: 'F10', text: 'it is free' };
    if (record.state === 'leased') {
      const isOwn = record.session === writer.session && record.volume === writer.volume;
      return isOwn ? null : { rule: 'F10', text: `it is leased to ${record.session} for ${record.volume}` };
    }
    if (record.state === 'quarantine') return null;
    const { volumes } = this.#parts.state();
    for (const volume of Object.values(volumes)) {
      if (volume.pool !== pool.name) continue;
      const isNamed = (map: Record<number, { extent: number }>): boolean =>
        Object.values(map).some((each) => each.extent === extent);
      if (Object.values(volume.snapshots).some(isNamed))
        return { rule: 'F9', text: `a snapshot of ${volume.name} has it` };
      if (volume.name !== writer.volume && isNamed(volume.map)) return { rule: 'F10', text: `it is of ${volume.name}` };
    }
    return null;
  }

  /** Something passes below a gate: nothing of a certified grant may, unless a device stops it. */
  submitted({ writer, device, checkedMs }: Admission, isPastDeadline: boolean): void {
    const { facts, excuses, book, state } = this.#parts;
    const pool = Object.values(state().pools).find(({ devices }) => devices.includes(device));
    if (pool === undefined) return;
    const tier = facts.pools.get(pool.name)?.tier;
    if (isPastDeadline && tier === 'best-effort') excuses.throughGap(writer.session);
    if (isPastDeadline && tier === 'kernel' && facts.nowMs() > checkedMs)
      facts.report('F1', 'the kernel submits behind its deadline');
    this.#judgeSilence(pool, { writer, device, checkedMs });
    const certificate = book.of(writer)?.certificate ?? null;
    if (certificate === null || pool.fencing === 'reservation') return;
    const text = `${writer.session} submits for ${writer.volume} e${writer.epoch}, which is certified: ${certificate}`;
    const excuse = excuses.find({ session: writer.session, node: writer.node, pool: pool.name });
    if (excuse === null) facts.report('F1', text);
    else facts.show(excuse, text);
  }

  /** F10: what a preempted session left is given to others when a leader has waited until nothing of it reads there. */
  #judgeSilence(
    pool: PoolState,
    { writer, device, checkedMs }: Pick<Admission, 'writer' | 'device' | 'checkedMs'>,
  ): void {
    const { facts, excuses, book } = this.#parts;
    const { session, node } = writer;
    if (checkedMs <= book.silentSinceMs(session, pool.name)) return;
    if (excuses.findForRead({ session, node, pool: pool.name }) !== null) return;
    facts.report('F10', `${session} passes its gate to ${device}, and counts as silent there`);
  }
}
