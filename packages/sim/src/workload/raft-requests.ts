// The requests of one seed: what clients ask for, and when. Values are told apart by a number, so that a read which saw the wrong one
// shows it.
import type { SeededRandom } from '@holdfast/base/internal';
import { pick } from '../faults/fault-kind.ts';
import type { Operation, PlainValue } from '../world/scenario.ts';
import type { Action } from './command.ts';
import type { ClientRequest } from './client.ts';
import type { RaftShape } from './raft-shape.ts';

export interface RequestTimes {
  /** Requests of the disturbed part begin before this, those of the calm end between the other two. */
  readonly disturbedMs: number;
  readonly calmFromMs: number;
  readonly calmToMs: number;
}

const perSecondMax = 12;
const calmRequests = 20;

export function clientName(number: number): string {
  return `c${number}`;
}

export function drawRequests(random: SeededRandom, shape: RaftShape, times: RequestTimes): Operation[] {
  const operations: Operation[] = [];
  const perSecond = 2 + random.below(perSecondMax - 1);
  const isPadded = random.below(3) === 0;
  const count = Math.round((perSecond * times.disturbedMs) / 1000);
  for (let number = 0; number < count; number++) {
    const atMs = Math.round(random.fraction() * times.disturbedMs);
    operations.push(drawRequest(random, shape, { number, atMs, isPadded }));
  }
  for (let number = count; number < count + calmRequests; number++) {
    const atMs = Math.round(times.calmFromMs + random.fraction() * (times.calmToMs - times.calmFromMs));
    operations.push(drawRequest(random, shape, { number, atMs, isPadded: false }));
  }
  return operations.sort((first, second) => first.atMs - second.atMs);
}

interface RequestPlace {
  readonly number: number;
  readonly atMs: number;
  readonly isPadded: boolean;
}

function drawRequest(random: SeededRandom, shape: RaftShape, { number, atMs, isPadded }: RequestPlace): Operation {
  const kind = pick(random, ['get', 'get', 'get', 'put', 'put', 'append', 'append', 'compare-and-set']) ?? 'get';
  const parameters: Record<string, PlainValue> = { key: `k${random.below(shape.keys)}` };
  if (kind !== 'get') {
    parameters['value'] = nameOf(number);
    parameters['padding'] = isPadded ? random.below(2000) : 0;
    parameters['givesUp'] = random.below(10) === 0;
  }
  // Half of them find what they expect, if nothing came in between.
  if (kind === 'compare-and-set') parameters['expected'] = nameOf(Math.max(0, number - 1 - random.below(20)));
  return { atMs, client: clientName(1 + random.below(shape.clients)), kind, parameters };
}

/** None is the beginning of another one, so that whose value an answer shows is never in doubt. */
function nameOf(number: number): string {
  return `${number};`;
}

export function requestOf({ kind, parameters }: Operation): ClientRequest {
  return {
    key: textOf(parameters['key']) ?? '',
    action: actionOf(kind, textOf(parameters['value']) ?? '', textOf(parameters['expected'])),
    padding: Number(parameters['padding'] ?? 0),
    givesUp: parameters['givesUp'] === true,
  };
}

function textOf(value: PlainValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function actionOf(kind: string, value: string, expected: string | null): Action {
  switch (kind) {
    case 'get':
      return { kind };
    case 'put':
      return { kind, value };
    case 'append':
      return { kind, suffix: `+${value}` };
    case 'compare-and-set':
      return { kind, expected, value };
    default:
      throw new Error(`no client knows the operation ${kind}`);
  }
}
