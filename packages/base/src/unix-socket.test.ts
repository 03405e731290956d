import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnixSocket } from './unix-socket.ts';

let directory: string;
let sockets: UnixSocket[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-socket-'));
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) await socket.close();
  await rm(directory, { recursive: true });
});

const path = (): string => join(directory, 'agent.sock');
const refused = (code: string): object => expect.objectContaining({ code });

async function listen(): Promise<UnixSocket> {
  const socket = await UnixSocket.listen(
    createServer((connection) => connection.end()),
    path(),
  );
  sockets.push(socket);
  return socket;
}

async function isAnswered(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path());
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** A socket's file whose process died: it was moved, so Node could not take it away. */
async function leaveStale(): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(directory, 'crashed'), resolve));
  await rename(join(directory, 'crashed'), path());
  await new Promise((resolve) => server.close(resolve));
}

describe('a unix socket', () => {
  test('is open to its owner only, whatever the umask', async () => {
    const previous = process.umask(0);
    try {
      await listen();
    } finally {
      process.umask(previous);
    }
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    expect(await isAnswered()).toBe(true);
  });

  test('leaves nothing behind', async () => {
    const socket = await listen();
    expect(await readdir(directory)).toEqual(['agent.sock']);
    await socket.close();
    sockets = [];
    expect(await readdir(directory)).toEqual([]);
  });

  test('takes the place of one whose process died', async () => {
    await leaveStale();
    await listen();
    expect(await isAnswered()).toBe(true);
    expect(await readdir(directory)).toEqual(['agent.sock']);
  });

  test('does not take the place of one that answers', async () => {
    await listen();
    await expect(listen()).rejects.toThrow(refused('LISTEN_ADDRESS_IN_USE'));
    expect(await isAnswered()).toBe(true);
    expect(await readdir(directory)).toEqual(['agent.sock']);
  });

  test('goes to exactly one of several that start at once over a dead one', async () => {
    await leaveStale();
    const outcomes = await Promise.allSettled([listen(), listen(), listen(), listen()]);
    const won = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'LISTEN_ADDRESS_IN_USE' });
    }
    expect(await isAnswered()).toBe(true);
    expect(await readdir(directory)).toEqual(['agent.sock']);
  });

  test('knows whether its file is still its own', async () => {
    const socket = await listen();
    expect(await socket.isInPlace()).toBe(true);
    await rename(path(), join(directory, 'moved'));
    expect(await socket.isInPlace()).toBe(false);
    await writeFile(path(), 'data');
    expect(await socket.isInPlace()).toBe(false);
  });

  test('does not take away the socket of a successor', async () => {
    const first = await listen();
    await rm(path());
    await listen();
    await first.close();
    sockets.shift();
    expect(await isAnswered()).toBe(true);
  });

  test('does not replace a file that is no socket', async () => {
    await writeFile(path(), 'data');
    await expect(listen()).rejects.toThrow(refused('LISTEN_ADDRESS_UNUSABLE'));
    expect((await stat(path())).size).toBe(4);
  });

  test('needs a directory', async () => {
    const nowhere = UnixSocket.listen(createServer(), join(directory, 'none', 'agent.sock'));
    await expect(nowhere).rejects.toThrow(refused('LISTEN_ADDRESS_UNUSABLE'));
  });
});
