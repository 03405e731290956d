// What a replica's log holds as far as its effects tell: the term of each entry, and the configurations among them. One index and
// one term name one entry (the register sees to that), so terms are all that is needed to compare logs.
import type { Configuration, Entry } from '@holdfast/raft';
import { decodeConfiguration } from '@holdfast/raft';

export interface ConfigurationAt {
  readonly index: number;
  readonly configuration: Configuration;
}

interface Mark {
  readonly index: number;
  readonly term: number;
  readonly configuration: Configuration;
}

/** A slot whose entry is damaged: it is there, and nobody knows its term. */
export const termUnknown = 0;

export class ShadowLog {
  #baseIndex: number;
  #baseTerm: number;
  #terms: number[] = [];
  /** The first one is that of the base. */
  configurations: ConfigurationAt[];

  constructor({ index, term, configuration }: Mark) {
    this.#baseIndex = index;
    this.#baseTerm = term;
    this.configurations = [{ index, configuration }];
  }

  get baseIndex(): number {
    return this.#baseIndex;
  }
  get termAtBase(): number {
    return this.#baseTerm;
  }
  get lastIndex(): number {
    return this.#baseIndex + this.#terms.length;
  }
  get configuration(): Configuration {
    const last = this.configurations.at(-1);
    if (last === undefined) throw new Error('a log without a configuration');
    return last.configuration;
  }

  /** null outside the log. */
  termAt(index: number): number | null {
    if (index === this.#baseIndex) return this.#baseTerm;
    return this.#terms[index - this.#baseIndex - 1] ?? null;
  }

  /** The last configuration at or before `index`, as far as the log still tells. */
  configurationAt(index: number): ConfigurationAt | null {
    return this.configurations.findLast((each) => each.index <= index) ?? null;
  }

  append({ index, term, kind, data }: Entry): void {
    this.#terms[index - this.#baseIndex - 1] = term;
    if (kind === 'configuration') this.configurations.push({ index, configuration: decodeConfiguration(data) });
  }

  appendDamaged(index: number): void {
    this.#terms[index - this.#baseIndex - 1] = termUnknown;
  }

  repair({ index, term, kind, data }: Entry): void {
    if (index <= this.#baseIndex || index > this.lastIndex) return;
    this.#terms[index - this.#baseIndex - 1] = term;
    if (kind !== 'configuration' || this.configurations.some((each) => each.index === index)) return;
    this.configurations.push({ index, configuration: decodeConfiguration(data) });
    this.configurations.sort((first, second) => first.index - second.index);
  }

  truncateAfter(index: number): void {
    this.#terms.length = Math.max(0, Math.min(this.#terms.length, index - this.#baseIndex));
    this.configurations = this.configurations.filter((each) => each.index <= index);
  }

  purgeTo(index: number): void {
    const term = this.termAt(index);
    if (index <= this.#baseIndex || term === null) return;
    this.#terms.splice(0, index - this.#baseIndex);
    this.#baseIndex = index;
    this.#baseTerm = term;
    const kept = this.configurations.findLastIndex((each) => each.index <= index);
    this.configurations.splice(0, Math.max(0, kept));
  }

  /** Whether it may miss a configuration there. */
  isDamagedUpTo(index: number): boolean {
    return this.#terms.slice(0, Math.max(0, index - this.#baseIndex)).includes(termUnknown);
  }

  /** The log begins behind this snapshot, which knows the configuration there also where the log does not. */
  beginAt({ index, configuration }: Mark): void {
    this.purgeTo(index);
    this.configurations = [{ index, configuration }, ...this.configurations.filter((each) => each.index > index)];
  }

  /** A snapshot stands for everything from here on. */
  restore({ index, term, configuration }: Mark): void {
    this.#baseIndex = index;
    this.#baseTerm = term;
    this.#terms = [];
    this.configurations = [{ index, configuration }];
  }

  copy(): ShadowLog {
    const copy = new ShadowLog({ index: this.#baseIndex, term: this.#baseTerm, configuration: this.configuration });
    copy.#terms = [...this.#terms];
    copy.configurations = [...this.configurations];
    return copy;
  }
}
