// Wall clocks of processes that jump while they run, by a library that is preloaded into them (wall-clock.c). Needs a C compiler.
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../kube/command.ts';

const source = join(import.meta.dirname, 'wall-clock.c');
const nsPerMs = 1_000_000n;

export class WallClocks {
  readonly #folder: string;
  readonly #library: string;

  private constructor(folder: string, library: string) {
    this.#folder = folder;
    this.#library = library;
  }

  static async make(folder: string, names: readonly string[]): Promise<WallClocks> {
    const clocks = new WallClocks(folder, join(folder, 'wall-clock.so'));
    await run(['cc', '-shared', '-fPIC', '-O2', '-Wall', '-Werror', '-o', clocks.#library, source]);
    for (const name of names) await writeFile(clocks.#pathOf(name), new Uint8Array(8));
    return clocks;
  }

  /** Before the words of a command that is to live by this clock. */
  wordsFor(name: string): readonly string[] {
    return ['env', `LD_PRELOAD=${this.#library}`, `WALL_CLOCK=${this.#pathOf(name)}`];
  }

  /** Ahead of this machine's; back, if it is negative. */
  async set(name: string, aheadMs: number): Promise<void> {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(aheadMs) * nsPerMs);
    // In place: the process has the file mapped.
    const file = await open(this.#pathOf(name), 'r+');
    try {
      await file.write(bytes, 0, bytes.length, 0);
    } finally {
      await file.close();
    }
  }

  #pathOf(name: string): string {
    return join(this.#folder, `${name}.clock`);
  }
}
