// How a server's process begins and ends: drained, forced, killed, started again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { RealClock, RealRandom, RealTimers, retry } from '@holdfast/base';
import { holdfastPath } from '@holdfast/holdfast/internal';
import { clusterCase } from '../../case.ts';
import { HeldCall } from '../../held-call.ts';
import { openStatus } from '../../status-client.ts';

const clock = new RealClock();
const backoff = { baseMs: 50, ceilingMs: 400 };

clusterCase('SIGTERM lets a call in flight end, and takes no further ones', async (cluster) => {
  const [admin] = await Promise.all([cluster.issue('admin', 'ada'), cluster.issue('metadata', 'm1')]);
  const server = cluster.startMetadata('m1');
  const address = await server.ready();
  const call = await HeldCall.start(address, admin);
  server.signal('SIGTERM');
  await server.line('draining');
  expect((await cluster.status(admin, [address])).code).toBe(69);
  expect(await call.finish()).toBe('0');
  expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
});

clusterCase('a second signal ends the process at once, with a code of its own', async (cluster) => {
  const [admin] = await Promise.all([cluster.issue('admin', 'ada'), cluster.issue('metadata', 'm1')]);
  const server = cluster.startMetadata('m1', ['--drain-timeout', '1m']);
  const call = await HeldCall.start(await server.ready(), admin);
  server.signal('SIGTERM');
  await server.line('draining');
  const secondMs = clock.monotonicMs();
  expect(await server.stop('SIGTERM')).toMatchObject({ code: 79 });
  expect(clock.monotonicMs() - secondMs).toBeLessThan(1000);
  call.abandon();
});

clusterCase('a drain that takes too long is cut, said, and told by the exit code', async (cluster) => {
  const [admin] = await Promise.all([cluster.issue('admin', 'ada'), cluster.issue('metadata', 'm1')]);
  const server = cluster.startMetadata('m1', ['--drain-timeout', '300ms']);
  const call = await HeldCall.start(await server.ready(), admin);
  const { code, stderr } = await server.stop();
  expect(stderr).toMatch(/^holdfast: .*server was not done within 300ms \[DRAIN_INCOMPLETE\]\. [^\n]+\n$/);
  expect(code).toBe(124);
  call.abandon();
});

clusterCase(
  'a killed server is missed by its peer and by callers, and found again when it is back',
  async (cluster) => {
    const [admin] = await Promise.all([
      cluster.issue('admin', 'ada'),
      cluster.issue('metadata', 'm1'),
      cluster.issue('metadata', 'm2'),
    ]);
    const first = cluster.startMetadata('m1');
    const address = await first.ready();
    const second = cluster.startMetadata('m2', ['--peers', `m1=${address}`]);
    await second.line('peer reachable');
    const client = await openStatus(address, admin);
    await client.ask();

    expect(await first.stop('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
    await second.line('peer unreachable');
    await expect(client.ask()).rejects.toMatchObject({ kind: 'unavailable' });
    const seen = second.lines.length;
    const again = cluster.startMetadata('m1', ['--listen', address]);
    expect(await again.ready()).toBe(address);
    await second.line('peer reachable', (line) => second.lines.indexOf(line) >= seen);
    // The channel waits a moment between its attempts to connect.
    const answer = await retry(async () => client.ask(), {
      backoff,
      attemptsLimit: 20,
      timers: new RealTimers(),
      random: new RealRandom(),
    });
    expect(answer.health?.state).toBe('SERVING');
    await client.close();
  },
);

clusterCase('a server takes over the unix socket that a killed one left behind', async (cluster) => {
  await cluster.issue('metadata', 'm1');
  const socket = `unix:${join(cluster.folder, 'api.sock')}`;
  const first = cluster.startMetadata('m1', ['--listen', socket]);
  await first.ready();
  await first.stop('SIGKILL');
  const second = cluster.startMetadata('m1', ['--listen', socket]);
  expect(await second.ready()).toBe(socket);
  const third = await cluster.startMetadata('m1', ['--listen', socket]).ended;
  expect(third.code).toBe(75);
  expect(third.stderr).toContain('[LISTEN_ADDRESS_IN_USE]');
});

clusterCase('a configuration file works, and a broken one is one line', async (cluster) => {
  const certificates = await cluster.issue('metadata', 'm1');
  const file = join(cluster.folder, 'm1.yaml');
  await writeFile(file, `certificates: ${certificates}\nlisten: 127.0.0.1:0\nhealthListen: off\nlogLevel: debug\n`);
  const server = cluster.startMetadata('m1', ['--config', file]);
  await server.ready();
  const { config } = await server.line('starting');
  expect(config).toMatchObject({ logLevel: `debug (${file}:4)` });
  await server.stop();
  await writeFile(file, 'certificates: "x\n');
  const { code, stderr } = await cluster.startMetadata('m1', ['--config', file]).ended;
  expect(stderr).toMatch(/^holdfast: the configuration file [^\n]* is neither YAML nor JSON: line 2: [^\n]*\n$/);
  expect(code).toBe(64);
});

clusterCase('a command whose reader went away says nothing', async () => {
  const child = spawn(holdfastPath, ['completion', 'bash'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.on('data', (text) => (stderr += String(text)));
  const [code] = (await once(child, 'close')) as [number | null];
  expect({ code, stderr }).toEqual({ code: 141, stderr: '' });
});

clusterCase('a defect is one line with a code for a person, and a stack in the log', async (cluster) => {
  await cluster.issue('metadata', 'm1');
  // Defects of our own making, in the real process: outside of every promise chain, and inside one that nobody watches.
  const plant = "const defect = () => { throw new TypeError('planted') };";
  for (const onSignal of ['defect', 'async () => defect()']) {
    const code = `${plant} process.on('SIGUSR2', ${onSignal})`;
    const environment = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
    const server = cluster.startMetadata('m1', [], { environment });
    await server.ready();
    const ended = await server.stop('SIGUSR2');
    expect(ended.stderr).toMatch(/^holdfast: internal error: planted \[INTERNAL\]\. [^\n]+\n$/);
    expect(ended.code).toBe(70);
    expect((await server.line('defect'))['error']).toMatchObject({
      stack: expect.stringContaining('TypeError: planted\n'),
    });
  }
});
