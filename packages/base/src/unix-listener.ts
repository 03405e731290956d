// Binds a server to a unix socket that only its owner may open (0600). The kernel makes the socket's file with the mode of
// the process's umask, which all threads share; so it is bound in a directory of mode 0700 and linked to its place when
// its mode is right. The file of a dead listener is replaced, a living one is never disturbed for good.
import { chmodSync, closeSync, linkSync, lstatSync, mkdtempSync, openSync, renameSync, rmSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { OpError } from './op-error.ts';
import { systemErrorCode } from './system-error.ts';

/** Takes the name away again. */
export type Unbind = () => void;

export async function bindUnixSocket(server: Server, path: string): Promise<Unbind> {
  const directory = mkdtempSync(join(dirname(path), '.socket-'));
  // The directory by its descriptor: its own path would count against the limit of a socket's path. Node removes the path
  // that it bound when the server closes, so the descriptor is kept until then.
  const descriptor = openSync(directory, 'r');
  try {
    await listening(server, `/proc/self/fd/${descriptor}/bound`);
    const bound = join(directory, 'bound');
    chmodSync(bound, 0o600);
    const { ino } = lstatSync(bound, { bigint: true });
    await place(bound, path, join(directory, 'aside'));
    server.once('close', () => closeSync(descriptor));
    return () => {
      if (lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino === ino) rmSync(path, { force: true });
    };
  } catch (error) {
    if (server.listening) server.close(() => closeSync(descriptor));
    else closeSync(descriptor);
    throw error;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function listening(server: Server, path: string): Promise<void> {
  await new Promise<null>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve(null);
    });
  });
}

const placeAttemptsLimit = 3;

/**
 * Two processes that find the same dead socket both move it aside, and the slower one may move the faster one's living
 * socket. So what was moved is asked again, and gets its name back when it is alive.
 */
async function place(bound: string, path: string, aside: string): Promise<void> {
  for (let attempt = 1; attempt <= placeAttemptsLimit; attempt++) {
    if (happened(() => linkSync(bound, path), 'EEXIST')) return;
    if (await isAnswering(path)) break;
    if (!happened(() => renameSync(path, aside), 'ENOENT')) continue;
    if (await isAnswering(aside)) {
      happened(() => linkSync(aside, path), 'EEXIST');
      break;
    }
    rmSync(aside);
  }
  throw new OpError('LISTEN_ADDRESS_IN_USE', { address: `unix:${path}` });
}

/** False when the call failed as `expected` says. */
function happened(call: () => void, expected: 'EEXIST' | 'ENOENT'): boolean {
  try {
    call();
    return true;
  } catch (error) {
    if (systemErrorCode(error) === expected) return false;
    throw error;
  }
}

async function isAnswering(path: string): Promise<boolean> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return false;
  // Somebody's data: it stays, and so does its name.
  if (!stat.isSocket()) return true;
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Whatever else the kernel answers (a full queue, no permission), the file is somebody's.
    socket.once('error', (error) => resolve(!['ECONNREFUSED', 'ENOENT'].includes(systemErrorCode(error) ?? '')));
  });
}
