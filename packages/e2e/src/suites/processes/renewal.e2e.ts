// Certificates that renew themselves: what a cluster does every few weeks, here with certificates of a minute.
import { expect } from '@jest/globals';
import { RealClock, RealTimers, sleep } from '@holdfast/base';
import { clusterCase } from '../../case.ts';
import { certificateIn, openStatus } from '../../status-client.ts';

const clock = new RealClock();
const timers = new RealTimers();

clusterCase(
  'certificates of a minute are renewed at two thirds, while calls go on without an error',
  async (cluster) => {
    const minute = ['--life', '60s'];
    const [local, remote, admin] = await Promise.all([
      cluster.issue('metadata', 'm1', minute),
      cluster.issue('metadata', 'm2', minute),
      cluster.issue('admin', 'ada'),
    ]);
    const before = await Promise.all([certificateIn(local), certificateIn(remote)]);
    // m1 holds the authority and renews by itself; m2 asks m1.
    const first = cluster.startMetadata('m1', ['--authority', cluster.authority, '--certificate-life', '60s']);
    const firstAddress = await first.ready();
    const second = cluster.startMetadata('m2', ['--peers', `m1=${firstAddress}`]);
    const secondAddress = await second.ready();

    const clients = await Promise.all([firstAddress, secondAddress].map(async (address) => openStatus(address, admin)));
    const progress = { isDone: false };
    const end = (): void => {
      progress.isDone = true;
    };
    const renewed = Promise.all([first.line('certificate renewed'), second.line('certificate renewed')]);
    renewed.then(end, end);
    let calls = 0;
    const endMs = clock.monotonicMs() + 60_000;
    while (!progress.isDone && clock.monotonicMs() < endMs) {
      const answers = await Promise.all(clients.map(async (client) => client.ask()));
      for (const { peers } of answers) for (const peer of peers) expect(peer.reachability).not.toBe('UNREACHABLE');
      calls += answers.length;
      await sleep(timers, 20);
    }
    const lines = await renewed;
    // Past the end of the first certificates: only the renewed ones can carry these.
    while (clock.wallMs() < Math.max(...before.map(({ notAfterMs }) => notAfterMs)) + 1000) {
      calls += (await Promise.all(clients.map(async (client) => client.ask()))).length;
      await sleep(timers, 20);
    }
    for (const [index, { notBeforeMs, notAfterMs }] of before.entries()) {
      const share = (Date.parse(String(lines[index]?.['time'])) - notBeforeMs) / (notAfterMs - notBeforeMs);
      process.stderr.write(
        `m${index + 1} renewed at ${share.toFixed(2)} of its certificate's life; ${calls} calls so far\n`,
      );
      expect(share).toBeGreaterThan(0.6);
      expect(share).toBeLessThan(0.7);
    }
    const fresh = await openStatus(secondAddress, admin);
    await fresh.ask();
    const after = await Promise.all([certificateIn(local), certificateIn(remote)]);
    expect(after.map(({ serial }) => serial)).not.toEqual(before.map(({ serial }) => serial));
    await Promise.all([...clients, fresh].map(async (client) => client.close()));
  },
);
