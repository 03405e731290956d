// One writer per directory and purpose. The lock is a socket in Linux's abstract namespace, named after the directory's inode:
// the kernel gives it back when the process dies, however it dies, so no lock file is ever left behind. Who comes second
// connects to the socket and is woken when the connection ends, which it does with the holder's release and with its death.
import { stat } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { OpError } from './op-error.ts';
import { systemErrorCode } from './system-error.ts';

/** Times that others may come first, each for a few milliseconds of work on files. */
const turnsLimit = 1000;

export class DirectoryLock {
  readonly #server: Server;
  readonly #waiters: ReadonlySet<Socket>;

  private constructor(server: Server, waiters: ReadonlySet<Socket>) {
    this.#server = server;
    this.#waiters = waiters;
  }

  static async take(directory: string, purpose: 'authority' | 'socket'): Promise<DirectoryLock> {
    const { dev, ino } = await stat(directory);
    const name = `\0holdfast-${purpose}-${dev}-${ino}`;
    for (let turn = 0; turn < turnsLimit; turn += 1) {
      const lock = await DirectoryLock.#tryTake(name);
      if (lock !== null) return lock;
      await untilGivenBack(name);
    }
    throw new OpError('OPERATION_PENDING', { what: purpose, key: directory });
  }

  static async #tryTake(name: string): Promise<DirectoryLock | null> {
    const waiters = new Set<Socket>();
    const server = createServer((waiter) => {
      waiters.add(waiter);
      waiter.on('error', () => waiter.destroy());
      waiter.on('close', () => waiters.delete(waiter));
    });
    return new Promise((resolve, reject) => {
      server.once('error', (error) => {
        if (systemErrorCode(error) === 'EADDRINUSE') resolve(null);
        else reject(error);
      });
      server.listen(name, () => resolve(new DirectoryLock(server, waiters)));
    });
  }

  release(): void {
    this.#server.close();
    for (const waiter of this.#waiters) waiter.destroy();
  }
}

/** A refused connection means that the holder let go in between: the same news as one that ends. */
async function untilGivenBack(name: string): Promise<void> {
  return new Promise((resolve) => {
    const connection = connect(name);
    connection.on('error', () => connection.destroy());
    connection.on('close', () => resolve());
    connection.resume();
  });
}
