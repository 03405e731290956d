// The judge's own book of grants and certificates, kept from what the log says and by none of the model's rules: who was ever given
// an epoch, and what was proved of it since.
import type { Writer } from '../block.ts';
import type { CertificateKind, GrantMode } from '../metadata/state.ts';

export interface GrantRecord {
  readonly volume: string;
  readonly pool: string;
  readonly generation: number;
  readonly epoch: number;
  readonly session: string;
  readonly node: string;
  readonly mode: GrantMode;
  certificate: CertificateKind | null;
}

export class GrantBook {
  readonly #byVolume = new Map<string, GrantRecord[]>();
  readonly #held = new Set<string>();
  readonly #silentSinceMs = new Map<string, number>();

  grantsOf(volume: string): readonly GrantRecord[] {
    return this.#byVolume.get(volume) ?? [];
  }
  all(): GrantRecord[] {
    return [...this.#byVolume.values()].flat();
  }

  add(grant: GrantRecord): void {
    const grants = this.#byVolume.get(grant.volume) ?? [];
    grants.push(grant);
    this.#held.add(`${grant.session} ${grant.pool}`);
    this.#byVolume.set(grant.volume, grants);
  }

  hasHeld(session: string, pool: string): boolean {
    return this.#held.has(`${session} ${pool}`);
  }

  last(volume: string): GrantRecord | null {
    return this.grantsOf(volume).at(-1) ?? null;
  }

  of({ volume, generation, epoch }: Pick<Writer, 'volume' | 'generation' | 'epoch'>): GrantRecord | null {
    return this.grantsOf(volume).find((grant) => grant.generation === generation && grant.epoch === epoch) ?? null;
  }

  /** Those that nobody has proved anything about. */
  uncertified(volume: string): GrantRecord[] {
    return this.grantsOf(volume).filter(({ certificate }) => certificate === null);
  }

  certify(kind: CertificateKind, isMeant: (grant: GrantRecord) => boolean): GrantRecord[] {
    const certified = this.all().filter((grant) => grant.certificate === null && isMeant(grant));
    for (const grant of certified) grant.certificate = kind;
    return certified;
  }

  /** A leader has said that it waited until nothing of the session reads the pool any more. */
  silence(session: string, pool: string, nowMs: number): void {
    this.#silentSinceMs.set(`${session} ${pool}`, nowMs);
  }
  silentSinceMs(session: string, pool: string): number {
    return this.#silentSinceMs.get(`${session} ${pool}`) ?? Infinity;
  }

  /** A later grant that conflicts with this one; null if it still is the current one. */
  successor(of: GrantRecord): GrantRecord | null {
    const isLater = (grant: GrantRecord): boolean => {
      return grant.generation > of.generation || (grant.generation === of.generation && grant.epoch > of.epoch);
    };
    const conflicts = (grant: GrantRecord): boolean => grant.mode !== 'read' || of.mode !== 'read';
    return this.grantsOf(of.volume).find((grant) => isLater(grant) && conflicts(grant)) ?? null;
  }
}
