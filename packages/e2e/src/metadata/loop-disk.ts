// A small disk of its own for a member: ext4 in a file behind a loop device, which can be filled to the last block, and frozen so that
// every write waits. Needs root.
import { mkdir, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RealTimers, sleep, systemErrorCode } from '@holdfast/base';
import { CommandError, run } from '../kube/command.ts';

const timers = new RealTimers();
const ballastBytes = 64 * 1024;
/** Of a slow disk's beat: it takes writes for the rest of it. */
const frozenMs = 400;
const beatMs = 450;

export class LoopDisk {
  /** Where it is mounted. */
  readonly path: string;
  readonly #image: string;
  #isSlow = false;
  #slowness: Promise<void> = Promise.resolve();

  private constructor(path: string, image: string) {
    this.path = path;
    this.#image = image;
  }

  static async make(folder: string, name: string, bytes: number): Promise<LoopDisk> {
    const disk = new LoopDisk(join(folder, name), join(folder, `${name}.image`));
    await mkdir(disk.path);
    await writeFile(disk.#image, '');
    await truncate(disk.#image, bytes);
    await run(['mkfs.ext4', '-q', '-m', '0', '-E', 'lazy_itable_init=0,lazy_journal_init=0', disk.#image]);
    await run(['mount', '-o', 'loop', disk.#image, disk.path]);
    return disk;
  }

  get #ballast(): string {
    return join(this.path, 'ballast');
  }

  /** Down to the last block; whoever works on the disk meanwhile may get some of it, so there is no end but ENOSPC. */
  async fill(): Promise<void> {
    const { bavail, bsize } = await statfs(this.path);
    if (bavail > 0) await this.#allocate(bavail * bsize);
    for (;;) {
      try {
        await writeFile(this.#ballast, Buffer.alloc(ballastBytes), { flag: 'a' });
      } catch (error) {
        if (systemErrorCode(error) !== 'ENOSPC') throw error;
        return;
      }
    }
  }

  async #allocate(bytes: number): Promise<void> {
    try {
      await run(['fallocate', '-l', String(bytes), this.#ballast], { environment: { LC_ALL: 'C' } });
    } catch (error) {
      // Somebody took a block since it was counted.
      if (!(error instanceof CommandError) || !error.stderr.includes('No space left on device')) throw error;
    }
  }

  async empty(): Promise<void> {
    await rm(this.#ballast, { force: true });
  }

  async freeze(): Promise<void> {
    await run(['fsfreeze', '--freeze', this.path]);
  }
  async thaw(): Promise<void> {
    await run(['fsfreeze', '--unfreeze', this.path]);
  }

  /** From here on each write waits for most of half a second. */
  slowDown(): void {
    this.#isSlow = true;
    this.#slowness = this.#beat();
  }
  async speedUp(): Promise<void> {
    this.#isSlow = false;
    await this.#slowness;
  }

  async #beat(): Promise<void> {
    while (this.#isSlow) {
      await this.freeze();
      await sleep(timers, frozenMs);
      await this.thaw();
      await sleep(timers, beatMs - frozenMs);
    }
  }

  /** Behind the end of whoever worked on it. */
  async close(): Promise<void> {
    await this.speedUp();
    await run(['umount', this.path]);
    await rm(this.#image);
  }
}
