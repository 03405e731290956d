// What becomes of three metadata servers when a disk, a network or a process does what it should not: callers go on, or hear in time what
// is wrong, nothing acknowledged is lost, and the group is whole again when the fault is over. Needs root.
import { copyFile, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { isOpError, mib, RealTimers, sleep } from '@holdfast/base';
import { createChannel, createMetadataClient, loadMetadataServices, type MetadataClient } from '@holdfast/rpc';
import { machine } from '../../metadata/member-net.ts';
import type { PlacedMember } from '../../metadata/member-site.ts';
import { faultCase, openKeeper, parts, type Ward } from './fault-case.ts';
import { expectKept } from './group-case.ts';
import { VolumeLoad } from './volume-load.ts';

const timers = new RealTimers();
const callLimitMs = 60_000;
const shortLimitMs = 3_000;
const standstillMs = 30_000;
const smallDiskBytes = 768 * mib;
const stateFull = 'the state takes no entries: its disk is full';

async function set(client: MetadataClient, value: string, timeoutMs = callLimitMs): Promise<void> {
  const { settingsService } = await loadMetadataServices();
  await client.change(settingsService, 'set', { name: 'colour', value }, { timeoutMs });
}

async function colour(client: MetadataClient): Promise<string | undefined> {
  const { settingsService } = await loadMetadataServices();
  const { settings } = await client.ask(settingsService, 'list', { isLocal: false }, { timeoutMs: callLimitMs });
  return settings['colour'];
}

async function moreVolumes({ site }: Ward, load: VolumeLoad): Promise<void> {
  const before = load.acknowledged.size;
  await site.group.until('more volumes are made', async () => load.acknowledged.size > before + 100);
}

/** Volumes are made before, during and behind it, and everything is whole in the end. */
async function expectBorne(ward: Ward, befall: (load: VolumeLoad) => Promise<void>): Promise<void> {
  const { site, view } = ward;
  const load = await VolumeLoad.begin(await site.group.client());
  await moreVolumes(ward, load);
  await befall(load);
  await moreVolumes(ward, load);
  await view.whole();
  await load.end();
  await expectKept(load);
  await site.group.agree();
}

async function hasSaid({ cluster }: Ward, name: string, words: string): Promise<boolean> {
  return (await readFile(join(cluster.folder, `${name}.log`), 'utf8')).includes(words);
}

faultCase('a leader that stands still for half a minute brings nothing about when it wakes up', async (ward) => {
  const { site, view, keeper } = ward;
  const client = await site.group.client();
  const leader = await ward.leader();
  const late = await createMetadataClient({ ...parts, keeper, servers: [leader.apiAddress] });
  await set(late, 'red');
  leader.process?.signal('SIGSTOP');
  const stale = set(late, 'stale', shortLimitMs);
  const standing = sleep(timers, standstillMs);
  await expect(stale).rejects.toMatchObject({
    code: expect.stringMatching(/^(DEADLINE_EXCEEDED|SERVER_UNREACHABLE)$/),
  });
  await set(client, 'blue');
  await standing;
  leader.process?.signal('SIGCONT');
  await view.whole();
  expect(await colour(client)).toBe('blue');
  expect((await view.ask(leader.name))?.role).toBe('FOLLOWER');
  await site.group.agree();
  late.close();
});

for (const whose of ['follower', 'leader'] as const) {
  faultCase(`the disk of the ${whose} is slow, and callers go on`, async (ward) => {
    const { disk } = await ward[whose]();
    await expectBorne(ward, async (load) => {
      disk.slowDown();
      await moreVolumes(ward, load);
      await disk.speedUp();
    });
  });

  faultCase(`the disk of the ${whose} answers nothing for a while, and callers go on`, async (ward) => {
    const { disk } = await ward[whose]();
    await expectBorne(ward, async (load) => {
      await disk.freeze();
      try {
        await moreVolumes(ward, load);
      } finally {
        await disk.thaw();
      }
    });
    expect(ward.site.restarts).toBe(0);
  });

  faultCase(
    `the disk of the ${whose} is full, and callers go on`,
    async (ward) => {
      const { name, disk } = await ward[whose]();
      await expectBorne(ward, async (load) => {
        await disk.fill();
        await moreVolumes(ward, load);
        await ward.site.group.until('its state has no room', async () => hasSaid(ward, name, stateFull));
        await moreVolumes(ward, load);
        await disk.empty();
      });
      expect(ward.site.restarts).toBe(0);
    },
    { diskBytes: smallDiskBytes },
  );
}

faultCase(
  'with every disk full writing is refused and reading is not, and writing goes on by itself when there is room',
  async (ward) => {
    const { site, view } = ward;
    const client = await site.group.client();
    await set(client, 'red');
    await view.whole();
    await Promise.all(site.members.map(async ({ disk }) => disk.fill()));
    // A chunk of the log that was prepared takes some more.
    let [last, count] = ['red', 0];
    const write = async (): Promise<string> => {
      const value = `${++count} `.padEnd(4_000, 'x');
      return set(client, value, shortLimitMs).then(
        () => {
          last = value;
          return '';
        },
        (error: unknown) => (isOpError(error) ? error.kind : String(error)),
      );
    };
    await site.group.until('every write is refused', async () => (await write()) === 'exhausted');
    // Of a write that was given up nobody knows whether it took effect.
    expect(await colour(client)).toMatch(/^(red|\d+ x+)$/);
    await Promise.all(site.members.map(async ({ disk }) => disk.empty()));
    await site.group.until('it is written again', async () => (await write()) === '');
    await view.whole();
    expect(await colour(client)).toBe(last);
    expect(site.restarts).toBe(0);
    await site.group.agree();
  },
  { diskBytes: smallDiskBytes },
);

faultCase('a leader that nobody reaches is replaced, and follows when it is reached again', async (ward) => {
  const { site } = ward;
  const leader = await ward.leader();
  await expectBorne(ward, async (load) => {
    await site.net.isolate(leader.name);
    await site.net.cut(machine, leader.name);
    await moreVolumes(ward, load);
    await site.net.restore(leader.name);
    await site.net.mend(machine, leader.name);
  });
});

faultCase(
  'a caller hears in time that its connection swallows everything, and goes on when it does not',
  async (ward) => {
    const { site } = ward;
    const client = await site.group.client();
    await set(client, 'red');
    const { name } = await ward.leader();
    await site.net.cut(machine, name);
    const beforeMs = parts.clock.monotonicMs();
    await expect(set(client, 'lost', shortLimitMs)).rejects.toMatchObject({
      kind: expect.stringMatching(/timeout|unavailable/),
    });
    expect(parts.clock.monotonicMs() - beforeMs).toBeLessThan(10 * shortLimitMs);
    await site.net.mend(machine, name);
    await set(client, 'blue');
    expect(await colour(client)).toBe('blue');
  },
);

faultCase('a watcher that does not read costs nobody anything, and is told everything when it does', async (ward) => {
  const { site, keeper } = ward;
  const { changesService } = await loadMetadataServices();
  const leader = await ward.leader();
  const channel = await createChannel({ ...parts, keeper, address: leader.apiAddress });
  const watch = channel.calls(changesService).watch({ after: 0n }, { timeoutMs: 10 * callLimitMs });
  const answers = watch[Symbol.asyncIterator]();
  await answers.next();
  const beforeBytes = await residentBytes(leader);
  const load = await VolumeLoad.begin(await site.group.client());
  await site.group.until('there is much to tell', async () => load.acknowledged.size > 5_000);
  await load.end();
  expect((await residentBytes(leader)) - beforeBytes).toBeLessThan(256 * mib);
  const told = new Set<string>();
  while (told.size < load.acknowledged.size) {
    const answer = await answers.next();
    if (answer.done === true) break;
    for (const { kind, key } of answer.value.changes) if (kind === 'VOLUME') told.add(key);
  }
  expect([...load.acknowledged.values()].filter((id) => !told.has(id))).toEqual([]);
  await answers.return?.();
  channel.close();
});

async function residentBytes({ process }: PlacedMember): Promise<number> {
  const status = await readFile(`/proc/${String(process?.pid)}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

faultCase(
  'a member whose certificate ends while it is connected is left out until it has another one',
  async (ward) => {
    const { cluster, site, view } = ward;
    const member = await ward.follower();
    const { name } = member;
    const folder = cluster.identity('metadata', name);
    const own = join(folder, 'identity.pem');
    await copyFile(own, `${own}.long`);
    // What it connected with its own certificate would go on for as long as that holds.
    await site.end(member, 'SIGTERM');
    const words = ['--authority', cluster.authority, '--host', site.net.addressOf(name), '--life', '30s'];
    await cluster.run(['pki', 'issue', 'metadata', name, '--out', join(cluster.folder, 'short'), ...words]);
    await rename(join(cluster.folder, 'short/identity.pem'), own);
    const short = await openKeeper(folder);
    const { notAfterMs } = short.current.certificate;
    await short.stop();
    await site.start(member);
    await view.whole();
    expect(parts.clock.wallMs()).toBeLessThan(notAfterMs);
    await site.group.until('the others do not hear it any more, behind its end', async () => {
      const leader = await view.leader();
      const said = leader === null ? null : await view.ask(leader);
      const isHeard = said?.members.find((each) => each.name === name)?.isActive ?? true;
      return parts.clock.wallMs() >= notAfterMs && !isHeard;
    });
    expect(await hasSaid(ward, name, 'CERTIFICATE_EXPIRED')).toBe(true);
    const load = await VolumeLoad.begin(await site.group.client());
    await moreVolumes(ward, load);
    await rename(`${own}.long`, own);
    await view.whole();
    await load.end();
    await expectKept(load);
    await site.group.agree();
  },
);

faultCase('a caller whose certificate ends while it is connected is told so', async (ward) => {
  const { cluster, site } = ward;
  const folder = await cluster.issue('csi', 'short', ['--life', '15s']);
  const keeper = await openKeeper(folder);
  const { volumesService } = await loadMetadataServices();
  const { apiAddress } = await ward.leader();
  const channel = await createChannel({ ...parts, keeper, address: apiAddress });
  const request = { pageSize: 1n, pageToken: '', isLocal: true, node: '' };
  const endMs = keeper.current.certificate.notAfterMs;
  let code = '';
  await site.group.until('it is refused', async () => {
    code = await channel
      .calls(volumesService)
      .list(request, { timeoutMs: callLimitMs })
      .then(
        () => '',
        (error: unknown) => (isOpError(error) ? error.code : String(error)),
      );
    const isBefore = parts.clock.wallMs() < endMs;
    if (isBefore && code !== '') expect([code, 'before its end']).toEqual(['', 'before its end']);
    return code !== '';
  });
  expect(code).toMatch(/^(CERTIFICATE_EXPIRED|CONNECTION_AGED|SERVER_UNREACHABLE)$/);
  channel.close();
  await keeper.stop();
});
