// The model metadata service as a state machine of the raft host: one command after another, the same state and the same answer
// on every member. Knows no clock and no leader's memory.
import { toLogIndex, type LogIndex } from '@holdfast/base';
import type { Entry } from '@holdfast/raft';
import { CallerWindows, type CommandId } from './callers.ts';
import { beSilent, certify, release, stateOff, taint } from './certificates.ts';
import { accept, type Answer, type Command, type CreatePool } from './command.ts';
import { openGeneration, proveGeneration, restore } from './generations.ts';
import { publish, stage, unpublish } from './grants.ts';
import { commitGroup, intendGroup, withdrawGroup } from './group-cuts.ts';
import { acknowledge, commit, intend, withdraw } from './intents.ts';
import { allocate, clone, convert, createVolume, deleteSnapshot, deleteVolume } from './maps.ts';
import { endSession, register, resume } from './sessions.ts';
import { emptyState, type MetadataState } from './state.ts';

export interface Applied {
  readonly index: number;
  readonly term: number;
  readonly command: Command;
  readonly answer: Answer;
}

/** What an entry of the log holds; a leader's own commands have no caller. */
export interface Proposed {
  readonly command: Command;
  readonly by: CommandId | null;
}

interface Contents {
  readonly applied: number;
  readonly digest: number;
  readonly state: MetadataState;
  readonly callers: ReturnType<CallerWindows['contents']>;
}

export class MetadataMachine {
  applied: LogIndex = toLogIndex(0);
  state: MetadataState = emptyState();
  /** Of every answer so far: two members that differ at an index differ here. */
  digest = 0;
  #callers = new CallerWindows();
  /** Hears of each command that takes effect here. */
  readonly #onApplied: (applied: Applied, by: CommandId | null) => void;

  constructor(onApplied: (applied: Applied, by: CommandId | null) => void) {
    this.#onApplied = onApplied;
  }

  apply(entries: readonly Entry[]): (Uint8Array | null)[] {
    return entries.map((entry) => {
      this.applied = entry.index;
      if (entry.kind !== 'command') return null;
      const answer = encode(this.#run(entry));
      this.digest = digestOf(this.digest, answer);
      return answer;
    });
  }

  #run({ index, term, data }: Entry): Answer {
    const { command, by } = decodeProposed(data);
    const known = by === null ? null : this.#callers.answerTo(by);
    if (known !== null) return known;
    const answer = applyCommand(this.state, command, term);
    if (by !== null) this.#callers.keep(by, answer);
    this.#onApplied({ index, term, command, answer }, by);
    return answer;
  }

  snapshot(): { read(limitBytes: number): Uint8Array | null; close(): void } {
    const { applied, digest, state } = this;
    const bytes = encode({ applied, digest, state, callers: this.#callers.contents() });
    let at = 0;
    return {
      read: (limitBytes) => {
        if (at >= bytes.length) return null;
        const part = bytes.subarray(at, at + limitBytes);
        at += part.length;
        return part;
      },
      close: () => undefined,
    };
  }

  async install(source: { read(limitBytes: number): Uint8Array | null }): Promise<void> {
    const parts: Uint8Array[] = [];
    for (let part = source.read(1 << 16); part !== null; part = source.read(1 << 16)) parts.push(Uint8Array.from(part));
    const { applied, digest, state, callers } = JSON.parse(Buffer.concat(parts).toString()) as Contents;
    this.applied = toLogIndex(applied);
    this.digest = digest;
    this.state = state;
    this.#callers = new CallerWindows(callers);
  }
}

export function encode(value: Proposed | Answer | Contents): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
function decodeProposed(data: Uint8Array): Proposed {
  return JSON.parse(new TextDecoder().decode(data)) as Proposed;
}
export function decodeAnswer(data: Uint8Array): Answer {
  return JSON.parse(new TextDecoder().decode(data)) as Answer;
}

function digestOf(before: number, bytes: Uint8Array): number {
  let digest = before;
  for (const byte of bytes) digest = Math.imul(digest ^ byte, 0x01000193) >>> 0;
  return digest;
}

type Handlers = {
  readonly [Kind in Command['kind']]: (
    state: MetadataState,
    command: Extract<Command, { readonly kind: Kind }>,
    term: number,
  ) => Answer;
};

const handlers: Handlers = {
  'create-pool': createPool,
  'create-volume': (state, { volume }) => createVolume(state, volume),
  'delete-volume': deleteVolume,
  'delete-snapshot': deleteSnapshot,
  clone,
  register,
  resume,
  'end-session': endSession,
  certify,
  silence: beSilent,
  'state-off': stateOff,
  taint,
  publish,
  unpublish,
  stage,
  release,
  allocate,
  convert,
  intend,
  acknowledge,
  commit,
  withdraw,
  'intend-group': intendGroup,
  'commit-group': commitGroup,
  'withdraw-group': withdrawGroup,
  restore,
  'prove-generation': proveGeneration,
  'open-generation': openGeneration,
};

/** `term` is that of the entry: what only a leader may say is refused when another one has taken over since. */
export function applyCommand(state: MetadataState, command: Command, term: number): Answer {
  const handler = handlers[command.kind] as (state: MetadataState, command: Command, term: number) => Answer;
  return handler(state, command, term);
}

function createPool(state: MetadataState, command: CreatePool): Answer {
  const { pool: name, fencing, tier, isBestEffortTakeover, devices, extentCount, fencesPerHourMax } = command;
  const settings = { name, fencing, tier, isBestEffortTakeover, devices, extentCount, fencesPerHourMax };
  state.pools[name] ??= { ...settings, extents: {}, openGeneration: state.generation, proof: null };
  return accept();
}
