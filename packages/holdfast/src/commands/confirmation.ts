// What commands share that nobody should type by chance: without --yes they tell what they would do, and do nothing.
import type { Flag, System } from '@holdfast/cli';

export const yesFlag = {
  value: null,
  summary: 'do it: without this the command only tells what it would do',
  unit: null,
  default: null,
} as const satisfies Flag;

/** Behind what the command has told. */
export function isConfirmed(yes: boolean, system: System, words: string): boolean {
  if (!yes) system.remark(`nothing was changed. To do it: holdfast ${words} --yes`);
  return yes;
}
