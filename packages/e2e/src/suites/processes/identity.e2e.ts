// Who may speak with a metadata server, and how soon that ends: through real processes and the commands that people type.
import { expect } from '@jest/globals';
import { RealClock, RealTimers, sleep } from '@holdfast/base';
import { ProcessCluster, runHoldfast, type Ended } from '@holdfast/holdfast/internal';
import { clusterCase } from '../../case.ts';
import { certificateIn, openStatus } from '../../status-client.ts';

const clock = new RealClock();
const timers = new RealTimers();

function expectOneLine(ended: Ended, code: number, text: string): void {
  expect(ended.stderr).toContain(text);
  expect(ended.stderr).toMatch(/^holdfast: [^\n]+ \[[A-Z_]+\]\. [^\n]+\.\n$/);
  expect(ended.code).toBe(code);
}

clusterCase('a holder is refused within a second of the revocation list being updated', async (cluster) => {
  const [admin, agent] = [await cluster.issue('admin', 'ada'), await cluster.issue('agent', 'n1', ['--node', 'n1'])];
  await cluster.issue('metadata', 'm1');
  const address = await cluster.startMetadata('m1').ready();
  // One connection, open all the time: revoking must end what runs, not only keep the door shut.
  const client = await openStatus(address, agent);
  await client.ask();

  await cluster.run([
    'pki',
    'revoke',
    'agent',
    'n1',
    '--node',
    'n1',
    '--authority',
    cluster.authority,
    '--reason',
    'stolen',
  ]);
  const updatedMs = clock.monotonicMs();
  let refusal: string | null = null;
  while (refusal === null && clock.monotonicMs() < updatedMs + 5000) {
    refusal = await client.ask().then(
      () => null,
      (error: unknown) => String(error),
    );
  }
  const tookMs = clock.monotonicMs() - updatedMs;
  process.stderr.write(`refused ${Math.round(tookMs)} ms after the list's update\n`);
  expect(refusal).toContain('/agent/n1/n1 was revoked: stolen');
  expect(tookMs).toBeLessThan(1000);
  await client.close();

  expectOneLine(await cluster.status(agent, [address]), 67, 'was revoked: stolen [CERTIFICATE_REVOKED]');
  expect(await cluster.status(admin, [address])).toMatchObject({ code: 0, stderr: '' });
});

clusterCase('a revoked server is refused by its peers and by callers', async (cluster) => {
  await Promise.all([cluster.issue('metadata', 'm1'), cluster.issue('metadata', 'm2'), cluster.issue('admin', 'ada')]);
  const first = await cluster.startMetadata('m1').ready();
  const second = cluster.startMetadata('m2', ['--peers', `m1=${first}`]);
  await second.ready();
  await second.line('peer reachable');
  await cluster.run(['pki', 'revoke', 'metadata', 'm1', '--authority', cluster.authority]);
  const { error } = await second.line('peer unreachable');
  expect(error).toMatchObject({ code: 'CERTIFICATE_REVOKED' });
});

clusterCase('an expired certificate starts no server and asks nobody', async (cluster) => {
  await Promise.all([
    cluster.issue('metadata', 'm1'),
    cluster.issue('metadata', 'old', ['--life', '2s']),
    cluster.issue('admin', 'old', ['--life', '2s']),
  ]);
  const address = await cluster.startMetadata('m1').ready();
  const ends = await Promise.all(
    ['metadata', 'admin'].map(async (role) => certificateIn(cluster.identity(role, 'old'))),
  );
  await sleep(timers, Math.max(0, ...ends.map(({ notAfterMs }) => notAfterMs - clock.wallMs())));
  expectOneLine(await cluster.startMetadata('old').ended, 67, '[CERTIFICATE_EXPIRED]');
  expectOneLine(await cluster.status(cluster.identity('admin', 'old'), [address]), 67, '[CERTIFICATE_EXPIRED]');
});

clusterCase('a certificate of another cluster opens nothing', async (cluster) => {
  const other = await ProcessCluster.create();
  try {
    const [stranger] = [await other.issue('admin', 'eve'), await cluster.issue('metadata', 'm1')];
    const address = await cluster.startMetadata('m1').ready();
    expectOneLine(await cluster.status(stranger, [address]), 67, '[CERTIFICATE_OF_OTHER_CLUSTER]');
  } finally {
    await other.close();
  }
});

clusterCase("a client's certificate starts no server", async (cluster) => {
  const admin = await cluster.issue('admin', 'ada');
  const words = ['metadata', '--certificates', admin, '--listen', '127.0.0.1:0', '--health-listen', 'off'];
  expectOneLine(await runHoldfast(words), 75, 'is for the role admin, and this process is metadata');
});

clusterCase('who may not renew hears so, and a server without the authority does not sign', async (cluster) => {
  await cluster.issue('metadata', 'm1');
  const server = cluster.startMetadata('m1');
  const client = await openStatus(await server.ready(), await cluster.issue('csi', 'controller'));
  await expect(client.renew()).rejects.toMatchObject({ kind: 'unsupported' });
  await client.close();
});
