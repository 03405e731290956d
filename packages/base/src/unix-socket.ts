// A unix socket that only we may open (0600), from its first moment to its last. The kernel makes a socket's file with the
// process's umask, which belongs to all threads; so it is bound inside a directory of mode 0700 and linked to its place when
// its mode is right. The directory is named by its descriptor, so that its longer path does not count against the limit.
import { constants } from 'node:fs';
import { chmod, link, lstat, mkdtemp, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { DirectoryLock } from './directory-lock.ts';
import { listenError, listening } from './listen.ts';
import { OpError } from './op-error.ts';
import { systemErrorCode } from './system-error.ts';

export class UnixSocket {
  readonly #path: string;
  readonly #server: Server;
  readonly #directory: FileHandle;
  readonly #inode: string;

  private constructor(path: string, server: Server, directory: FileHandle, inode: string) {
    this.#path = path;
    this.#server = server;
    this.#directory = directory;
    this.#inode = inode;
  }

  static async listen(server: Server, path: string): Promise<UnixSocket> {
    try {
      return await UnixSocket.#bind(server, path);
    } catch (error) {
      throw listenError(`unix:${path}`, error);
    }
  }

  static async #bind(server: Server, path: string): Promise<UnixSocket> {
    const directory = await mkdtemp(join(dirname(path), '.sock-'));
    const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      const bound = join(directory, boundName);
      await listening(server, { path: `/proc/self/fd/${handle.fd}/${boundName}` });
      await chmod(bound, 0o600);
      const inode = await inodeOf(bound);
      const lock = await DirectoryLock.take(dirname(path), 'socket');
      try {
        await place(bound, path, join(directory, '.old'));
      } finally {
        lock.release();
      }
      return new UnixSocket(path, server, handle, inode);
    } catch (error) {
      server.close();
      await handle.close();
      throw error;
    } finally {
      await rm(directory, { recursive: true });
    }
  }

  /** Whether the file is still ours: it may have been taken away, or replaced. */
  async isInPlace(): Promise<boolean> {
    return (await inodeOf(this.#path)) === this.#inode;
  }

  /** Takes no further connections, and takes the file away if it is still ours. */
  async close(): Promise<void> {
    if (await this.isInPlace()) await rm(this.#path, { force: true });
    // Node removes the path that it bound when it closes: the descriptor in that path must be ours until then.
    this.#server.close();
    await this.#directory.close();
  }
}

/** Hidden: a kubelet that looks for plugins at this moment walks into every folder, but leaves such a socket alone. */
const boundName = '.s';

/**
 * Gives the bound socket its name. A file of that name is in the way unless nobody listens at it any more. Our processes take
 * turns at this. A container with a network of its own does not see the lock; so the file is moved aside, which only one
 * can do, and looked at again: if it is alive after all, the other one was faster and gets its name back.
 */
async function place(bound: string, path: string, aside: string): Promise<void> {
  for (let attempt = 1; attempt <= placeAttemptsLimit; attempt++) {
    if (await linked(bound, path)) return;
    if (await isListening(path)) break;
    try {
      await rename(path, aside);
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') continue;
      throw error;
    }
    if (await isListening(aside)) {
      await linked(aside, path);
      break;
    }
    await rm(aside);
  }
  throw new OpError('LISTEN_ADDRESS_IN_USE', { address: `unix:${path}` });
}

const placeAttemptsLimit = 3;

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Whether a process accepts connections there. A file that is no socket is somebody's data, and stays. */
async function isListening(path: string): Promise<boolean> {
  const stats = await lstat(path).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (stats === null) return false;
  if (!stats.isSocket()) {
    throw new OpError('LISTEN_ADDRESS_UNUSABLE', {
      address: `unix:${path}`,
      reason: 'a file that is no socket lies there',
    });
  }
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      const code = systemErrorCode(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(false);
      // EAGAIN: its queue of connections is full, so somebody listens.
      else if (code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}

async function inodeOf(path: string): Promise<string> {
  try {
    const { dev, ino } = await lstat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return '';
    throw error;
  }
}
