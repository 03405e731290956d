// The commands about what is stored, and about nodes that hold it, against a metadata server in this process.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { RealClock, RealRandom, RealTimers } from '@holdfast/base';
import { recordingSystem } from '@holdfast/cli/internal';
import { initialiseFirst, metadataApi, MetadataService, schemaSteps } from '@holdfast/metadata-service';
import { createMetadataClient, loadMetadataServices, type MetadataClient, type Pool } from '@holdfast/rpc';
import { TestCluster } from '@holdfast/rpc/internal';
import { createMetrics, HealthChecks } from '@holdfast/telemetry';
import { runWords } from '../../command-line.ts';
import { commandTable } from '../../command-table.ts';

const [clock, timers, random] = [new RealClock(), new RealTimers(), new RealRandom()];
const options = { timeoutMs: 60_000 };
/** A server, on a machine that may do much else. */
const startLimitMs = 180_000;
const folder = mkdtempSync(join(tmpdir(), 'holdfast-storage-'));
const directory = join(folder, 'm1');
/** Nobody else is in the group, so nobody connects to it. */
const place = { name: 'm1', peerAddress: '127.0.0.1:7', apiAddress: '127.0.0.1:7' };
let cluster: TestCluster;
let service: MetadataService;
let client: MetadataClient;
let words: readonly string[];
let volume: string;
let cache: string;

beforeAll(async () => {
  cluster = await TestCluster.create();
  const identity = { cluster: cluster.authority.cluster, role: 'metadata', name: 'm1', node: null } as const;
  const keeper = await cluster.keeperFor('metadata', { identity });
  const parts = { clock, timers, random };
  await initialiseFirst({ directory, cluster: cluster.authority.cluster, ...parts }, place);
  service = await MetadataService.open({
    ...{ directory, keeper, ...parts, peerListen: '127.0.0.1:0', readyLimitMs: 1_000, release: 'test' },
    ...{ schema: schemaSteps, metrics: await createMetrics(), checks: new HealthChecks(timers), log: cluster.log },
    // A test's process may stand still for long, and leads on.
    settings: { tickMs: 20, pausedTicks: 1_000 },
  });
  const { address } = await cluster.serve({ services: await metadataApi({ service, ...parts }), keeper });
  const admin = await cluster.issueTo('admin', 'admin');
  words = ['--certificates', admin, '--server', address, '--timeout', '60s'];
  client = await createMetadataClient({
    ...{ servers: [address], keeper: await cluster.keep(admin), log: cluster.log, metrics: null, ...parts },
  });
  await fill();
}, startLimitMs);
afterAll(async () => {
  client.close();
  await cluster.close();
  await service.stop();
  rmSync(folder, { recursive: true });
});

async function makePool(name: string, fencing: 'LEASE' | 'RESERVATION'): Promise<void> {
  const { poolsService } = await loadMetadataServices();
  const sums = { totalExtents: 0n, freeExtents: 0n, leasedExtents: 0n, mappedExtents: 0n, quarantinedExtents: 0n };
  const pool: Pool = {
    ...{ name, fencing, tier: 'BEST_EFFORT', isBestEffortTakeover: false, drainBoundMs: 500n },
    ...{ fencesPerHour: 3n, oversubscriptionPercent: 200n, extentBytes: 1_048_576n, ...sums },
    ...{ promisedExtents: 0n, isOpen: false, isOpening: false, devices: [] },
  };
  await client.change(poolsService, 'create', { pool }, options);
  await client.change(poolsService, 'addDevice', { pool: name, device: `disk of ${name}`, extents: 1_536n }, options);
}

async function fill(): Promise<void> {
  const { volumesService } = await loadMetadataServices();
  await makePool('fast', 'LEASE');
  const asked = { tenant: 'shop', pool: 'fast', isShared: false, attributes: '' };
  for (const [name, extents] of [
    ['web', 100n],
    ['cache', 24n],
  ] as const) {
    const made = await client.change(volumesService, 'create', { name, extents, ...asked }, options);
    if (name === 'web') ({ volume } = made);
    else cache = made.volume;
  }
  const { session, agent } = await register('node-1');
  await publish(volume, 'node-1');
  const what = { what: 'share', snapshot: 'snapshot-1', name: 'daily', start: 0, stop: 0, expected: null } as const;
  const { sessions } = service;
  const narrowed = sessions.narrow({ kind: 'intend', volume, intent: 'daily', ...what });
  await sessions.carryOut<'acknowledge'>({ kind: 'acknowledge', session, agent, volume, intent: 'daily', revision: 1 });
  await narrowed;
}

async function register(node: string): Promise<{ readonly session: string; readonly agent: number }> {
  const boot = { machine: node, boot: 'boot', secretHash: Buffer.alloc(32, 1), tornDown: [], after: null };
  return service.sessions.carryOut<'registerNode'>({
    ...{ kind: 'registerNode', node, ...boot, ttlMs: 500, drainBoundMs: 100 },
  });
}

async function publish(what: string, node: string): Promise<void> {
  const { attachmentsService } = await loadMetadataServices();
  await client.change(attachmentsService, 'publish', { volume: what, node, mode: 'WRITE' }, options);
}

async function run(
  ...command: string[]
): Promise<{ readonly rows: string[][]; readonly text: string; readonly remarks: string[] }> {
  const { system, lines, remarks } = recordingSystem({ commands: commandTable });
  await runWords([...command, ...words], { ...system, clock });
  return { rows: lines.map((line) => line.split(/ {2,}/)), text: lines.join('\n'), remarks };
}

test('pools are listed and shown', async () => {
  const { rows } = await run('pool', 'list');
  expect(rows).toEqual([
    ['NAME', 'FENCING', 'OPEN', 'DEVICES', 'SIZE', 'FREE', 'PROMISED'],
    ['fast', 'lease, best-effort', 'yes', '1', '1.5 GiB', '1.5 GiB', '124 MiB'],
  ]);
  const shown = await run('pool', 'show', 'fast');
  expect(shown.rows).toContainEqual(['drain bound:', '500 ms']);
  expect(shown.rows).toContainEqual(['promised:', '124 MiB of at most 200 % of the size']);
  expect(shown.rows.at(-1)).toEqual(['disk of fast', '1', '1.5 GiB', '1.5 GiB']);
  await expect(run('pool', 'show', 'slow')).rejects.toMatchObject({ code: 'POOL_NOT_FOUND' });
});

test('volumes are listed as far as asked, and shown by name and by id with who holds them', async () => {
  const { rows } = await run('volume', 'list');
  const [header, ...listed] = rows;
  expect(header).toEqual(['NAME', 'POOL', 'SIZE', 'NODES']);
  expect(new Set(listed.map((row) => row.join(' ')))).toEqual(
    new Set(['cache fast 24 MiB -', 'web fast 100 MiB node-1']),
  );
  const few = await run('volume', 'list', '--limit', '1');
  expect([few.rows.length, few.remarks]).toEqual([2, ['there are more than 1: --limit lists further ones']]);
  await expect(run('volume', 'list', '--limit', '0')).rejects.toMatchObject({ code: 'FLAG_WRONG' });
  const shown = await run('volume', 'show', 'web');
  expect(shown.rows).toContainEqual(['size:', '100 MiB, 100 extents of 1 MiB']);
  expect(shown.rows.slice(-2)).toEqual([
    ['EPOCH', 'NODE', 'MODE', 'SESSION', 'STATE'],
    ['1', 'node-1', 'write', '1.node-1.1', 'lives'],
  ]);
  expect((await run('volume', 'show', volume)).text).toBe(shown.text);
  await expect(run('volume', 'show', 'none')).rejects.toMatchObject({ code: 'VOLUME_NOT_FOUND' });
});

test('snapshots are listed, and programs read the same of everything', async () => {
  const { rows } = await run('snapshot', 'list');
  expect(rows.map(([name, of]) => [name, of])).toEqual([
    ['NAME', 'VOLUME'],
    ['daily', volume],
  ]);
  const document = async (...command: string[]): Promise<unknown> =>
    JSON.parse((await run(...command, '-o', 'json')).text);
  expect(await document('snapshot', 'list')).toMatchObject({
    snapshots: [{ id: 'snapshot-1', name: 'daily', volume }],
  });
  expect(await document('volume', 'show', 'web')).toMatchObject({
    ...{ name: 'web', sizeBytes: 104_857_600, nodes: ['node-1'], intent: null },
    grants: [{ epoch: 1, session: '1.node-1.1', node: 'node-1', mode: 'write', isEnded: false }],
  });
  expect(await document('volume', 'list')).toMatchObject({ volumes: [{ pool: 'fast' }, { pool: 'fast' }] });
  expect(await document('pool', 'list')).toMatchObject({
    pools: [{ name: 'fast', tier: 'best-effort', isOpen: true }],
  });
  expect(await document('pool', 'show', 'fast')).toMatchObject({
    devices: [{ id: 'disk of fast', bytes: 1_610_612_736 }],
  });
});

test(
  'a machine that a person states to be off holds nothing any more, and another session is overridden',
  async () => {
    const silent = /^(0|\d+) ?m?s ago$/;
    const [header, ...listed] = (await run('node', 'list')).rows;
    expect(header).toEqual(['NODE', 'SESSION', 'HEARD', 'GRANTS', 'STATE']);
    expect(listed).toEqual([['node-1', '1.node-1.1', expect.stringMatching(silent), '1', 'lives']]);
    const told = await run('node', 'off', 'node-1');
    expect(told.rows[0]?.[0]).toMatch(
      /^the node node-1 has the session 1\.node-1\.1, heard .* ago; volumes that it holds: 1\./,
    );
    expect(told.remarks).toEqual(['nothing was changed. To do it: holdfast node off node-1 --yes']);
    expect((await run('node', 'list')).rows[1]?.at(-1)).toBe('lives');
    const done = await run('node', 'off', 'node-1', '--yes');
    expect(done.rows.at(-1)).toEqual(['nothing is held by the node node-1 any more']);
    expect((await run('node', 'list')).rows[1]?.slice(-2)).toEqual(['0', 'ended: powered-off']);

    await expect(run('node', 'forget', 'node-1')).rejects.toMatchObject({
      ...{ code: 'NODE_IN_USE', message: expect.stringContaining('is attached to it') },
    });

    const { session } = await register('node-2');
    await publish(cache, 'node-2');
    const [first] = (await run('session', 'override', session)).rows;
    expect(first?.[0]).toMatch(
      /^the session 1\.node-2\.1 of the node node-2, heard .* ago: lives\. Volumes that it holds: 1$/,
    );
    expect(JSON.parse((await run('node', 'list', '-o', 'json')).text)).toMatchObject({
      sessions: [
        { session: '1.node-1.1', ended: 'powered-off' },
        { session, ended: null, grants: 1 },
      ],
    });
    await run('session', 'override', session, '--yes');
    expect((await run('node', 'list')).rows[2]?.slice(-2)).toEqual(['0', 'ended: override']);
    await register('node-4');
    await run('session', 'override', '1.node-4.1', '--yes');
    expect((await run('node', 'forget', 'node-4')).rows).toEqual([['the node node-4 is forgotten']]);
    expect((await run('node', 'list')).rows.map(([name]) => name)).toEqual(['NODE', 'node-1', 'node-2']);
    for (const words of [
      ['node', 'off', 'node-3', '--yes'],
      ['node', 'forget', 'node-4'],
      ['session', 'override', '1.node-3.1', '--yes'],
    ])
      await expect(run(...words)).rejects.toMatchObject({ kind: 'not-found' });
  },
  startLimitMs,
);

test('settings are given and listed, and the audit has what people decided, the newest first', async () => {
  expect((await run('setting', 'set', 'colour', 'red')).text).toBe('colour is set');
  expect((await run('setting', 'list')).rows).toEqual([
    ['NAME', 'VALUE'],
    ['colour', 'red'],
  ]);
  const [header, ...entries] = (await run('audit')).rows;
  expect(header).toEqual(['TIME', 'WHO', 'WHAT']);
  expect(entries.map(([, who, what]) => `${who ?? ''} ${what ?? ''}`)).toEqual([
    'admin/admin set colour',
    'admin/admin forgot the node node-4',
    'admin/admin ended the session 1.node-4.1: override',
    'admin/admin certified the session 1.node-2.1 in fast: override',
    'admin/admin ended the session 1.node-2.1: override',
    'admin/admin stated that node-1 is off, incarnation 1',
  ]);
  const few = await run('audit', '--limit', '1');
  expect([few.rows.length, few.remarks]).toEqual([2, ['there are more than 1: --limit lists further ones']]);
  expect(JSON.parse((await run('audit', '-o', 'json')).text)).toMatchObject({
    entries: [{ who: 'admin/admin', what: 'set colour', revision: expect.any(Number) }, {}, {}, {}, {}, {}],
  });
});

test(
  'a pool that a restore closed is opened by who states it, and says what is waited for',
  async () => {
    await makePool('shared', 'RESERVATION');
    await service.sessions.carryOut<'raiseGeneration'>({
      kind: 'raiseGeneration',
      seen: 0,
      by: 'ada',
      atMs: clock.wallMs(),
    });
    const closed = ['open:', 'no: see that nothing of before the restore runs, then: holdfast pool open fast'];
    expect((await run('pool', 'show', 'fast')).rows).toContainEqual(closed);
    const { rows, remarks } = await run('pool', 'open', 'fast');
    expect(rows[0]).toEqual(['a restore has closed the pool fast. To open it states that']);
    expect(remarks).toEqual(['nothing was changed. To do it: holdfast pool open fast --yes']);
    expect((await run('pool', 'show', 'fast')).rows).toContainEqual(closed);
    // Said twice, it is no further statement: it waits.
    for (const flag of [['--yes'], []])
      expect((await run('pool', 'open', 'fast', ...flag)).rows.at(-1)).toEqual(['the pool fast is open']);
    expect((await run('pool', 'show', 'fast')).rows).toContainEqual(['open:', 'yes']);
    expect((await run('pool', 'show', 'shared')).rows).toContainEqual([
      'open:',
      expect.stringMatching(/^no: the agents /),
    ]);
    await expect(run('pool', 'open', 'shared', '--yes')).rejects.toMatchObject({
      ...{ code: 'GENERATION_UNPROVED', details: { reason: 'the device disk of shared was not read back' } },
    });
    await expect(run('pool', 'open', 'slow', '--yes')).rejects.toMatchObject({ code: 'POOL_NOT_FOUND' });
  },
  startLimitMs,
);
