// Metadata servers that are started, or made, on a disk that is full to its last block: each reads on or says in one line what is wrong, goes
// on when there is room, and loses nothing. What becomes of servers whose disk fills while they run is in faults.e2e.ts. Needs root.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { isOpError, mib } from '@holdfast/base';
import type { Ended } from '@holdfast/holdfast/internal';
import { loadMetadataServices } from '@holdfast/rpc';
import { faultCase, type Ward } from './fault-case.ts';
import { expectKept } from './group-case.ts';
import { VolumeLoad } from './volume-load.ts';

const diskBytes = 512 * mib;
const callLimitMs = 60_000;
const shortLimitMs = 3_000;
const hasNoRoom =
  /^holdfast: the metadata server does not start: the disk of [^\n]* is full \[STATE_DISK_FULL_AT_START\]\. Free space [^\n]*$/m;

async function moreVolumes({ site }: Ward, load: VolumeLoad): Promise<void> {
  const before = load.acknowledged.size;
  await site.group.until('more volumes are made', async () => load.acknowledged.size > before + 100);
}

async function outputOf({ cluster }: Ward, name: string): Promise<string> {
  return readFile(join(cluster.folder, `${name}.log`), 'utf8');
}

/** Nobody but those that lack room is hurt, and all of them are told apart from those that serve. */
async function degraded({ site }: Ward): Promise<readonly string[]> {
  const status = await site.group.status();
  const poor = status.filter(({ health, reason }) => health === 'degraded' && reason?.includes('disk') === true);
  return poor.map(({ name = '' }) => name);
}

faultCase(
  'a killed server starts on a full disk, says that it takes nothing, and follows when there is room',
  async (ward) => {
    const { site, view } = ward;
    const { name, disk } = await ward.follower();
    const load = await VolumeLoad.begin(await site.group.client());
    await moreVolumes(ward, load);
    await site.end(site.member(name), 'SIGKILL');
    await disk.fill();
    await site.start(site.member(name));
    await moreVolumes(ward, load);
    await site.group.until('it is shown to lack room', async () => (await degraded(ward)).join() === name);
    await disk.empty();
    await view.whole();
    await site.group.until('nobody lacks anything', async () => (await degraded(ward)).length === 0);
    await load.end();
    await expectKept(load);
    await site.group.agree();
  },
  { diskBytes },
);

faultCase(
  'a server that closed its database is refused on a full disk with one line, and starts when there is room',
  async (ward) => {
    const { site, view } = ward;
    const { name, disk } = await ward.follower();
    const load = await VolumeLoad.begin(await site.group.client());
    await moreVolumes(ward, load);
    await site.end(site.member(name), 'SIGTERM');
    await disk.fill();
    await site.start(site.member(name));
    await site.group.until('it says why', async () => hasNoRoom.test(await outputOf(ward, name)));
    await moreVolumes(ward, load);
    await disk.empty();
    await view.whole();
    await load.end();
    await expectKept(load);
    await site.group.agree();
  },
  { diskBytes },
);

faultCase(
  'with every disk full and every server killed they elect, read and refuse, and write by themselves when there is room',
  async (ward) => {
    const { site, view } = ward;
    const client = await site.group.client();
    const { settingsService } = await loadMetadataServices();
    const load = await VolumeLoad.begin(client);
    await moreVolumes(ward, load);
    await load.end();
    const write = async (value: string): Promise<string> =>
      client.change(settingsService, 'set', { name: 'colour', value }, { timeoutMs: shortLimitMs }).then(
        () => '',
        (error: unknown) => (isOpError(error) ? error.kind : String(error)),
      );
    await Promise.all(site.members.map(async ({ disk }) => disk.fill()));
    await site.group.until('writes are refused', async () => (await write('x'.repeat(4_000))) === 'exhausted');
    await Promise.all(site.members.map(async (member) => site.end(member, 'SIGKILL')));
    for (const member of site.members) await site.start(member);
    await site.group.until('writes are refused again', async () => (await write('blue')) === 'exhausted');
    await site.group.until('all say why', async () => (await degraded(ward)).length === site.members.length);
    await expectKept(load);
    await Promise.all(site.members.map(async ({ disk }) => disk.empty()));
    await site.group.until('it is written again', async () => (await write('red')) === '');
    await view.whole();
    const { settings } = await client.ask(settingsService, 'list', { isLocal: false }, { timeoutMs: callLimitMs });
    expect(settings['colour']).toBe('red');
    await expectKept(load);
    await site.group.agree();
  },
  { diskBytes },
);

faultCase(
  'who finds no room to join uses up no token, and joins by it when there is room',
  async (ward) => {
    const { cluster, site } = ward;
    const { disk, apiAddress } = await ward.follower();
    await cluster.issue('metadata', 'm4');
    const token = (await site.group.run(['add', 'm4'])).trim();
    const words = ['--certificates', cluster.identity('metadata', 'm4'), '--data', join(disk.path, 'm4')];
    const addresses = [
      '--api-address',
      `${apiAddress.split(':')[0] ?? ''}:7500`,
      '--peer-address',
      'm4.example.com:7501',
    ];
    const enlist = async (): Promise<Ended> => site.group.tryJoin([...words, ...addresses, '--token', token]);
    await disk.fill();
    const refused = await enlist();
    expect(refused).toMatchObject({
      stdout: '',
      stderr: expect.stringMatching(/^holdfast: [^\n]* \[DISK_FULL\]\. [^\n]*\n$/),
    });
    expect(await site.group.run(['members'])).not.toContain('m4');
    await disk.empty();
    expect(await enlist()).toMatchObject({ code: 0 });
    expect(await site.group.run(['members'])).toMatch(/^4 +m4 +learner /m);
    expect((await enlist()).stderr).toContain('[RAFT_MEMBER_EXISTS]');
  },
  { diskBytes },
);
