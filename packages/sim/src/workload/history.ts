// What clients saw, in the order of one counter that ticks at each call and at each answer: the simulation runs on one thread, so
// that this order is the true one.
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

export class History {
  readonly #operations: OpenOperation[] = [];
  #now = 0;
  answered = 0;

  get calls(): number {
    return this.#operations.length;
  }

  /** An operation begins. Answers its number; what is never ended keeps an outcome that nobody knows. */
  begin(client: string, key: string, action: Action): number {
    this.#operations.push({ client, key, action, calledAt: ++this.#now, answer: null, isRefused: false });
    return this.#operations.length - 1;
  }

  end(number: number, value: KeyValue): void {
    const operation = this.#operations[number];
    if (operation === undefined) throw new Error(`there is no operation ${number}`);
    operation.answer = { at: ++this.#now, value };
    this.answered++;
  }

  /** It did not happen and will not. */
  refuse(number: number): void {
    const operation = this.#operations[number];
    if (operation === undefined) throw new Error(`there is no operation ${number}`);
    operation.isRefused = true;
  }

  judge(report: Report): void {
    const byKey = Map.groupBy(
      this.#operations.filter(({ isRefused }) => !isRefused),
      ({ key }) => key,
    );
    for (const [key, operations] of byKey) this.#judgeKey(key, operations, report);
  }

  #judgeKey(key: string, operations: readonly KeyOperation[], report: Report): void {
    const verdict = judgeKey(operations);
    if (verdict.kind === 'linearizable') return;
    if (verdict.kind === 'undecided') {
      report(
        'linearizable',
        `the ${operations.length} operations on key ${key} could not be judged within the search's bound`,
      );
      return;
    }
    const { client, action, answer } = verdict.operation;
    const said = answer === null ? 'nothing' : JSON.stringify(answer.value);
    report(
      'linearizable',
      `no order of the operations on key ${key} explains that ${client} heard ${said} from ${JSON.stringify(action)}`,
    );
  }
}
