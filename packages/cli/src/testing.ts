// A System for tests: it keeps what was printed, its clock stands where a test puts it. And a command with one of everything.
import { RealRandom, RealTimers } from '@holdfast/base';
import { defineCommand, type Command, type System } from './command.ts';

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

export const sampleCommand = defineCommand({
  name: 'pki issue',
  summary: 'issue a certificate',
  details: ['It goes into a folder.'],
  parameters: [{ name: 'ROLE', summary: 'the role', required: true, choices: ['agent', 'csi'] }],
  flags: {
    life: { value: 'DURATION', summary: 'how long it holds', unit: 'duration', default: '30d' },
    output: {
      value: 'FORMAT',
      summary: 'how to print',
      unit: null,
      default: 'table',
      short: 'o',
      choices: ['table', 'json'],
    },
  },
  run: async () => undefined,
});
