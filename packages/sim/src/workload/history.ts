// What clients saw, in the order of one counter that ticks at each call and at each answer: the simulation runs on one thread, so
// that this order is the true one.
import { invariant } from '@holdfast/base';
import type { Action } from './command.ts';
import { judgeKey, type KeyOperation, type KeyValue } from '../judge/linearizability.ts';
import type { Report } from '../judge/raft-judge.ts';

interface OpenOperation {
  readonly client: string;
  readonly key: string;
  readonly action: Action;
  readonly calledAt: number;
  answer: { readonly at: number; readonly value: KeyValue } | null;
  isRefused: boolean;
}

/** Whoever keeps the trace. */
export type NoteClient = (client: string, number: number, text: () => string) => void;

export class History {
  readonly #operations: OpenOperation[] = [];
  readonly #note: NoteClient;
  #now = 0;
  /** Requests that were answered or refused. */
  settled = 0;

  constructor(note: NoteClient) {
    this.#note = note;
  }

  get calls(): number {
    return this.#operations.length;
  }

  /** An operation begins. Answers its number; what is never ended keeps an outcome that nobody knows. */
  begin(client: string, key: string, action: Action): number {
    const number = this.#operations.length;
    this.#operations.push({ client, key, action, calledAt: ++this.#now, answer: null, isRefused: false });
    this.#note(client, number, () => `asks (${number}) ${key}: ${JSON.stringify(action)}`);
    return number;
  }

  end(number: number, value: KeyValue): void {
    const operation = this.#find(number);
    operation.answer = { at: ++this.#now, value };
    this.settled++;
    this.#note(operation.client, number, () => `hears (${number}) ${JSON.stringify(value)}`);
  }

  /** It did not happen and will not. */
  refuse(number: number): void {
    const operation = this.#find(number);
    operation.isRefused = true;
    this.settled++;
    this.#note(operation.client, number, () => `is refused (${number})`);
  }

  #find(number: number): OpenOperation {
    const operation = this.#operations[number];
    invariant(operation !== undefined, `there is no operation ${number}`);
    return operation;
  }

  judge(report: Report): void {
    const byKey = Map.groupBy(
      this.#operations.filter(({ isRefused }) => !isRefused),
      ({ key }) => key,
    );
    for (const [key, operations] of byKey) this.#judgeKey(key, operations, report);
  }

  #judgeKey(key: string, operations: readonly KeyOperation[], report: Report): void {
    const culprit = judgeKey(operations);
    if (culprit === null) return;
    const { client, action, answer } = culprit;
    const said = answer === null ? 'nothing' : JSON.stringify(answer.value);
    report(
      'linearizable',
      `no order of the operations on key ${key} explains that ${client} heard ${said} from ${JSON.stringify(action)}`,
    );
  }
}
