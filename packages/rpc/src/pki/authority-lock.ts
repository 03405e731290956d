// One writer per authority directory. The lock is a socket in Linux's abstract namespace, named after the directory's inode:
// the kernel gives it back when the process dies, however it dies, so no lock file is ever left behind.
import { stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { OpError } from '@holdfast/base';
import { systemErrorCode } from './durable-file.ts';

export class AuthorityLock {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async take(directory: string): Promise<AuthorityLock> {
    const { dev, ino } = await stat(directory);
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        const isHeld = systemErrorCode(error) === 'EADDRINUSE';
        reject(isHeld ? new OpError('OPERATION_PENDING', { what: 'authority', key: directory }) : error);
      });
      server.listen(`\0holdfast-authority-${dev}-${ino}`, resolve);
    });
    return new AuthorityLock(server);
  }

  release(): void {
    this.#server.close();
  }
}
