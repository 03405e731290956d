// A rolling upgrade as a person does it: one server after another becomes the later release under load, and one goes back; then the upgrade is
// ended, and there is no way back.
import { afterAll, expect } from '@jest/globals';
import { runHoldfast } from '@holdfast/holdfast/internal';
import { expectKept, groupCase } from './group-case.ts';
import { LaterRelease } from './later-release.ts';
import type { Member, MetadataGroup } from './metadata-group.ts';
import { VolumeLoad } from './volume-load.ts';

const later = new LaterRelease();
afterAll(() => later.remove());

groupCase(
  'servers of two releases work beside each other, go back, and are refused behind finalize',
  async (group, cluster) => {
    const restart = async (member: Member, program?: string): Promise<void> => {
      await member.process?.stop('SIGTERM');
      const { name, data, apiAddress, peerAddress } = member;
      const words = ['--data', data, '--listen', apiAddress, '--peer-listen', peerAddress];
      member.process = cluster.startMetadata(name, words, program === undefined ? {} : { program });
    };
    const upgrade = async (member: Member): Promise<void> => {
      await restart(member, later.program);
      await member.process?.ready();
    };
    const finalize = async (...words: readonly string[]): Promise<string> => {
      await group.leader();
      const all = ['metadata', 'finalize', ...words, '--certificates', cluster.identity('admin', 'ada')];
      const { code, stdout, stderr } = await runHoldfast([...all, '--server', group.servers.join(',')], {
        program: later.program,
      });
      return `${String(code)} ${stdout}${stderr}`;
    };
    const [first, second, third] = group.members;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three members');
    const load = await VolumeLoad.begin(await group.client());
    const more = async (): Promise<void> => {
      const least = load.acknowledged.size + 50;
      await group.until('volumes are made', async () => load.acknowledged.size >= least);
    };

    await upgrade(second);
    await more();
    expect(await versionsOf(group)).toEqual(['0.1.0 1', '0.2.0 1', '0.1.0 1']);
    await group.until('no version is known to all', async () => (await finalize('--yes')).includes('no higher one'));
    await restart(second);
    await second.process?.ready();
    await more();
    for (const member of [second, third, first]) await upgrade(member);
    await more();
    let told = '';
    await group.until('it is told what would change', async () => {
      told = await finalize();
      return told.includes('nothing was changed');
    });
    expect(told).toContain('becomes possible: notes beside volumes');
    expect(await versionsOf(group)).toEqual(['0.2.0 1', '0.2.0 1', '0.2.0 1']);
    await group.until('it is done', async () => (await finalize('--yes')).startsWith('0 '));
    await group.until('all are there', async () => (await versionsOf(group)).every((each) => each === '0.2.0 2'));

    await restart(third);
    const refused = await third.process?.ended;
    expect(refused?.code).not.toBe(0);
    expect(refused?.stderr).toMatch(
      /^holdfast: the cluster was finalised at version 2, [^\n]*\[STATE_VERSION_TOO_NEW\][^\n]*\n$/,
    );
    await more();
    await upgrade(third);
    await load.end();
    await expectKept(load);
    await group.agree();
  },
);

async function versionsOf(group: MetadataGroup): Promise<string[]> {
  return (await group.status()).map(({ release = '', version = 0 }) => `${release} ${version}`);
}
