// Helm as a person types it at the root of the checkout.
import { join } from 'node:path';
import { run } from './command.ts';

export const root = join(import.meta.dirname, '../../../..');

export interface HelmOptions {
  /** Helm 4 by its plain name, which is what a person types, or Helm 3. */
  readonly program?: 'helm' | 'helm3';
  readonly limitMs?: number;
  /** Names another cluster than the suite's. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** `words` are helm's own, from the verb on. */
export function helm(
  words: readonly string[],
  { program = 'helm', limitMs = 120_000, environment = {} }: HelmOptions = {},
): Promise<string> {
  return run([program, ...words], { limitMs, cwd: root, environment });
}
