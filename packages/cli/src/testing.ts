// A System for tests: it keeps what was printed. Its clock stands where a test puts it.
import { RealRandom, RealTimers } from '@holdfast/base';
import type { Command, System } from './command.ts';

export interface RecordingSystem {
  readonly system: System;
  /** What went to stdout. */
  readonly lines: string[];
  /** What went to stderr. */
  readonly remarks: string[];
}

export function recordingSystem(
  given: { readonly wallMs?: number; readonly commands?: readonly Command[] } = {},
): RecordingSystem {
  const lines: string[] = [];
  const remarks: string[] = [];
  const system: System = {
    clock: { wallMs: () => given.wallMs ?? 0, monotonicMs: () => 0, boottimeMs: () => 0 },
    timers: new RealTimers(),
    random: new RealRandom(),
    environment: {},
    commands: given.commands ?? [],
    isTerminal: false,
    print: (text) => void lines.push(text),
    remark: (text) => void remarks.push(text),
  };
  return { system, lines, remarks };
}
