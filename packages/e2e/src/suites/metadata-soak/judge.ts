// Whether a history is one of a service that loses nothing, does nothing twice, and answers as if there were one copy of everything.
//
// Settings are registers: each value is written once, so every key's history is judged for linearizability as a whole. Volumes are made,
// found and deleted by one caller each, so what each call must answer is known. The watch tells each change once, so a setting that was
// written twice by one call has a change too many.
import { judgeKey, type KeyOperation } from '@holdfast/sim';
import type { Entry, Field } from './history.ts';

export const calls = {
  set: 'Settings/Set',
  list: 'Settings/List',
  create: 'Volumes/Create',
  get: 'Volumes/Get',
  delete: 'Volumes/Delete',
} as const;

/** What is there when everything is over. */
export interface Final {
  /** Names of volumes by their ids. */
  readonly volumes: ReadonlyMap<string, string>;
  /** How often a change of each setting was told. */
  readonly changes: ReadonlyMap<string, number>;
}

/** One sentence each; none if all is well. */
export function judgeHistory(entries: readonly Entry[], final: Final): string[] {
  return [...judgeSettings(entries), ...judgeChanges(entries, final.changes), ...judgeVolumes(entries, final.volumes)];
}

function judgeSettings(entries: readonly Entry[]): string[] {
  const problems: string[] = [];
  for (const [key, operations] of operationsByKey(entries)) {
    const first = judgeKey(operations);
    if (first === null) continue;
    const { client, action, calledAt, answer } = first;
    const asked = action.kind === 'put' ? `${client} put ${action.value}` : `${client} read ${String(answer?.value)}`;
    problems.push(`${key} is not linearizable: ${asked} from ${calledAt} to ${String(answer?.at)}`);
  }
  return problems;
}

function operationsByKey(entries: readonly Entry[]): Map<string, KeyOperation[]> {
  const byKey = new Map<string, KeyOperation[]>();
  for (const { client, arguments: asked, start: calledAt, end: at, result } of of(entries, calls.set)) {
    const [key, value] = [String(asked['name']), String(asked['value'])];
    const operation = {
      client,
      action: { kind: 'put', value },
      calledAt,
      answer: result === null ? null : { at, value },
    } as const;
    const operations = byKey.get(key) ?? [];
    operations.push(operation);
    byKey.set(key, operations);
  }
  for (const { client, start: calledAt, end: at, result } of of(entries, calls.list)) {
    if (result === null) continue;
    // A list reads each of them.
    for (const [key, operations] of byKey) {
      const value = typeof result[key] === 'string' ? result[key] : null;
      operations.push({ client, action: { kind: 'get' }, calledAt, answer: { at, value } });
    }
  }
  return byKey;
}

function judgeChanges(entries: readonly Entry[], changes: ReadonlyMap<string, number>): string[] {
  const problems: string[] = [];
  const counts = new Map<string, { acknowledged: number; called: number }>();
  for (const { arguments: asked, result } of of(entries, calls.set)) {
    const key = String(asked['name']);
    const { acknowledged, called } = counts.get(key) ?? { acknowledged: 0, called: 0 };
    counts.set(key, { acknowledged: acknowledged + (result === null ? 0 : 1), called: called + 1 });
  }
  for (const [key, { acknowledged, called }] of counts) {
    const told = changes.get(key) ?? 0;
    if (told < acknowledged) problems.push(`${key} was set ${acknowledged} times, and ${told} changes were told`);
    if (told > called) problems.push(`${key} changed ${told} times by ${called} calls`);
  }
  return problems;
}

interface Volume {
  /** Null until somebody was told. */
  id: string | null;
  /** Null: a call without an answer leaves it open. */
  isThere: boolean | null;
}

function judgeVolumes(entries: readonly Entry[], listed: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  const volumes = new Map<string, Volume>();
  for (const entry of entries) {
    const { call, arguments: asked, end } = entry;
    if (call !== calls.create && call !== calls.get && call !== calls.delete) continue;
    const name = String(asked['name']);
    const volume = volumes.get(name) ?? { id: null, isThere: false };
    volumes.set(name, volume);
    const problem = follow(volume, entry);
    if (problem !== null) problems.push(`${name} ${problem} at ${end}`);
  }
  return [...problems, ...judgeListed(volumes, listed)];
}

function judgeListed(volumes: ReadonlyMap<string, Volume>, listed: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  const idsByName = new Map<string, string>();
  for (const [id, name] of listed) {
    const other = idsByName.get(name);
    if (other !== undefined) problems.push(`${name} is there twice: ${other} and ${id}`);
    idsByName.set(name, id);
  }
  for (const [name, { id, isThere }] of volumes) {
    const found = idsByName.get(name) ?? null;
    if (isThere === true && found === null) problems.push(`${name} was acknowledged, and is lost`);
    if (isThere === false && found !== null) problems.push(`${name} was deleted, and is there`);
    if (id !== null && found !== null && found !== id) problems.push(`${name} was ${id}, and is ${found}`);
  }
  return problems;
}

/** What is wrong with the answer, in the order in which the volume's one caller got its answers. */
function follow(volume: Volume, { call, result, error }: Entry): string | null {
  if (call === calls.delete) {
    volume.isThere = result === null ? null : false;
    return null;
  }
  if (call === calls.create) {
    volume.isThere = result === null ? null : true;
    return result === null ? null : sameId(volume, result['id'] ?? null);
  }
  if (error === 'VOLUME_NOT_FOUND') {
    const wasThere = volume.isThere;
    // A call that went before may still take effect.
    return wasThere === true ? 'was acknowledged, and was not found' : null;
  }
  if (result === null) return null;
  if (volume.isThere === false) return 'was deleted, and was found';
  return sameId(volume, result['id'] ?? null);
}

function sameId(volume: Volume, id: Field): string | null {
  const before = volume.id;
  volume.id = String(id);
  return before === null || before === id ? null : `was ${before}, and was found as ${String(id)}`;
}

function of(entries: readonly Entry[], call: string): Entry[] {
  return entries.filter((entry) => entry.call === call);
}
