// A failure as a person sees it: one line, whatever is inside of it, and the stacks only where somebody asked.
import { toOpError } from '@holdfast/base';

/** The line of an OpError; with `isDebug` the stacks of it and of its causes below. Hints name the program that was typed. */
export function failureText(error: unknown, isDebug: boolean, program = 'holdfast'): string {
  const line = `${program}: ${printable(toOpError(error).line).replaceAll("'holdfast help", `'${program} help`)}`;
  return isDebug ? [line, ...stacks(error)].join('\n') : line;
}

/** Text from elsewhere on one line, without the bytes that would move a terminal's cursor. */
export function printable(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ').replaceAll(/\p{Cc}/gu, '?');
}

/** A chain of causes longer than this is a loop. */
const causesLimit = 8;

function stacks(error: unknown): string[] {
  const found: string[] = [];
  let current = error;
  while (current instanceof Error && found.length < causesLimit) {
    found.push(current.stack ?? current.message);
    current = current.cause;
  }
  return found;
}
