// Golden scripts: stories in blocks of commands, `----`, and what happened. script.test.ts holds them to it;
// `node src/script.ts` names those that tell another story, and with `--rewrite` writes down what happened, for the reader of
// the next commit to judge.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '@holdfast/base';
import { ScriptCluster } from './script-cluster.ts';

const directory = join(import.meta.dirname, 'scripts');

export function scriptNames(): string[] {
  return readdirSync(directory).filter((name) => name.endsWith('.txt'));
}

export function readScript(name: string): string {
  return readFileSync(join(directory, name), 'utf8');
}

/** The script with what happens behind each block of commands. */
export function runScript(text: string): string {
  const cluster = new ScriptCluster(new RoundRobin());
  const blocks = text.trimEnd().split(/\n\n+/);
  return `${blocks.map((block) => runBlock(cluster, block)).join('\n\n')}\n`;
}

function runBlock(cluster: ScriptCluster, block: string): string {
  const lines = block.split('\n');
  const end = lines.indexOf('----');
  const commands = end < 0 ? lines : lines.slice(0, end);
  const told: string[] = [];
  for (const command of commands) if (!command.startsWith('#')) told.push(...cluster.run(command));
  return told.length === 0 ? commands.join('\n') : [...commands, '----', ...told].join('\n');
}

/** Numbers in turn: a story wants waits that differ, and no luck. */
class RoundRobin implements Random {
  #count = 0;

  below(bound: number): number {
    return (this.#count++ * 3) % bound;
  }
  fraction(): number {
    return this.below(100) / 100;
  }
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
  uuid(): string {
    return `00000000-0000-4000-8000-${String(this.#count++).padStart(12, '0')}`;
  }
}

if (import.meta.main) {
  const isRewriting = process.argv.includes('--rewrite');
  for (const name of scriptNames()) {
    const written = readScript(name);
    const told = runScript(written);
    if (told === written) continue;
    if (isRewriting) writeFileSync(join(directory, name), told);
    else process.exitCode = 1;
    process.stdout.write(`${name}: ${isRewriting ? 'rewritten' : 'tells another story'}\n`);
  }
}
