// A state machine for tests: it keeps the texts of the commands in order, each once, and a running digest by which two of them
// are compared at equal indices. Its snapshot is its contents as JSON. Test code.
import { noIndex } from './ids.ts';
import type { Entry } from './entry.ts';
import { ProposalLedger, type LedgerSession } from './proposal-ledger.ts';
import type { LogIndex } from '@holdfast/base';

interface Contents {
  readonly applied: LogIndex;
  readonly digest: number;
  readonly texts: readonly string[];
  readonly sessions: readonly LedgerSession[];
}

const aheadMax = 1_000;

export class ModelMachine {
  applied: LogIndex = noIndex;
  digest = 0;
  texts: string[] = [];
  ledger = new ProposalLedger(aheadMax);

  apply(entry: Entry): void {
    this.applied = entry.index;
    if (entry.kind === 'command' && (entry.proposal === null || this.ledger.judge(entry.proposal) === 'first')) {
      this.texts.push(new TextDecoder().decode(entry.data));
    }
    this.digest = mix(mix(mix(this.digest, entry.index), entry.term), entry.data.length);
    for (const byte of entry.data) this.digest = mix(this.digest, byte);
  }

  save(): Uint8Array {
    const { applied, digest, texts } = this;
    const contents: Contents = { applied, digest, texts, sessions: this.ledger.contents() };
    return new TextEncoder().encode(JSON.stringify(contents));
  }

  load(bytes: Uint8Array): void {
    const { applied, digest, texts, sessions } = JSON.parse(new TextDecoder().decode(bytes)) as Contents;
    this.applied = applied;
    this.digest = digest;
    this.texts = [...texts];
    this.ledger = new ProposalLedger(aheadMax, sessions);
  }
}

function mix(digest: number, value: number): number {
  return Math.imul(digest ^ value, 0x01000193) >>> 0;
}
