// `holdfast pool open`: behind a restore, a person's word that nothing of before uses a pool any more (F11).
import { OpError, retry } from '@holdfast/base';
import { connectionFlags, defineCommand, readDurationMs, shellWord, type FlagTable } from '@holdfast/cli';
import { isConfirmed, yesFlag } from '../confirmation.ts';
import { withLeader } from '../servers.ts';
import { poolParameter } from './listing.ts';

const flags = {
  ...connectionFlags,
  yes: yesFlag,
  wait: { value: 'DURATION', summary: 'how long to wait until it is open', unit: 'duration', default: '2m' },
} as const satisfies FlagTable;

const backoff = { baseMs: 200, ceilingMs: 1_000 };

export const poolOpen = defineCommand({
  name: 'pool open',
  summary: 'open a pool behind a restore, by stating that nothing of before uses it any more',
  details: [
    'It opens when the leases of before have run out since. Until then it gives no grant and no extent.',
    'A pool whose devices have reservations opens by itself: its agents take every older key away, and no statement stands for that.',
  ],
  parameters: [poolParameter],
  flags,
  async run({ flags: given, parameters, system }) {
    const [name = null] = parameters;
    const pool = name ?? '';
    const waitMs = readDurationMs('--wait', given.wait);
    await withLeader(given, system, async ({ client, timeoutMs }, { poolsService, clusterService }) => {
      const read = async () =>
        (await client.ask(poolsService, 'get', { name: pool, isLocal: false }, { timeoutMs })).pool;
      const found = await read();
      if (found?.isOpen === false && !found.isOpening) {
        if (found.fencing !== 'RESERVATION') {
          system.print(`a restore has closed the pool ${pool}. To open it states that`);
          system.print('  every metadata server of before has ended, and its directory is removed');
          system.print('  whoever used the pool and has not registered anew since has ended its engines, or is off');
          if (!isConfirmed(given.yes, system, `pool open ${shellWord(pool)}`)) return;
        }
        await client.change(poolsService, 'open', { pool }, { timeoutMs });
      }
      const { generation } = await client.ask(clusterService, 'describe', {}, { timeoutMs });
      const checkOpen = async (): Promise<void> => {
        if ((await read())?.isOpen !== true) throw new OpError('GENERATION_CLOSED', { pool, generation });
      };
      await retry(checkOpen, {
        ...{ backoff, attemptsLimit: 1 + Math.ceil(waitMs / backoff.ceilingMs), ...system },
        isRetriable: ({ code }) => code === 'GENERATION_CLOSED',
      });
      system.print(`the pool ${pool} is open`);
    });
  },
});
