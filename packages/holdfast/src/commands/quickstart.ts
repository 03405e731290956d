// `holdfast quickstart`: what exists, at work on this machine.
import { defineCommand, type FlagTable } from '@holdfast/cli';

const flags = {
  once: { value: null, summary: 'end after the demonstration, also on a terminal', unit: null, default: null },
} as const satisfies FlagTable;

export const quickstart = defineCommand({
  name: 'quickstart',
  summary: 'start a small cluster of what exists on this machine and show it at work',
  details: [
    'Needs no root and leaves nothing behind: everything lies in one folder below the temporary one.',
    'On a terminal the cluster stays up until Ctrl-C, so that you can try commands against it.',
  ],
  flags,
  async run({ flags: { once }, system }) {
    const { runQuickstart } = await import('../quickstart/quickstart.ts');
    await runQuickstart(system, { isOnce: once || !system.isTerminal });
  },
});
