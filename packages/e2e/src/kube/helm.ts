// Helm as a person types it at the root of the checkout.
import { join } from 'node:path';
import { run } from './command.ts';

export const root = join(import.meta.dirname, '../../../..');

export interface HelmOptions {
  readonly limitMs?: number;
  /** Names another cluster than the suite's. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** `words` are helm's own, from the verb on. */
export function helm(
  words: readonly string[],
  { limitMs = 120_000, environment = {} }: HelmOptions = {},
): Promise<string> {
  return run(['helm', ...words], { limitMs, cwd: root, environment });
}
