// The services Pools and Settings.
import { OpError } from '@holdfast/base';
import { describeCaller, type Handlers, type loadMetadataServices, type Pool } from '@holdfast/rpc';
import type { StateDatabase } from '../state/database.ts';
import { fencings, tiers, type DeviceRow, type PoolRow } from '../state/entities.ts';
import { query } from '../state/query.ts';
import { State } from '../state/state.ts';
import { stateLimits } from '../state/state-limits.ts';
import { promiseLimit } from '../state/volumes.ts';
import type { StateAccess } from './state-access.ts';
import { fromChoice, present, toChoice, toNumber, toOptionalNumber, toWord } from './values.ts';

type Services = Awaited<ReturnType<typeof loadMetadataServices>>;

const poolNamed = query<PoolRow>('SELECT * FROM pools WHERE name = ?');
const allPools = query<PoolRow>('SELECT * FROM pools ORDER BY name');
const devicesOf = query<DeviceRow>('SELECT * FROM devices WHERE pool = ? ORDER BY number');
const allSettings = query<{ readonly name: string; readonly value: string }>('SELECT * FROM settings ORDER BY name');

export function poolsHandlers(access: StateAccess): Handlers<Services['poolsService']> {
  return {
    create: async ({ id, pool: asked }) => {
      const pool = present(asked, 'pool');
      return access.act<'createPool'>(id, {
        kind: 'createPool',
        pool: toWord(pool.name, 'pool.name'),
        fencing: toChoice(pool.fencing, fencings, 'pool.fencing'),
        tier: toChoice(pool.tier, tiers, 'pool.tier'),
        isBestEffortTakeover: pool.isBestEffortTakeover,
        drainBoundMs: toOptionalNumber(pool.drainBoundMs, 'pool.drain_bound_ms'),
        fencesPerHour: toNumber(pool.fencesPerHour, 'pool.fences_per_hour'),
        oversubscriptionPercent: toNumber(pool.oversubscriptionPercent, 'pool.oversubscription_percent'),
        extentBytes: toNumber(pool.extentBytes, 'pool.extent_bytes'),
      });
    },
    addDevice: async ({ id, pool, device, extents }) => {
      const answer = await access.propose<'addDevice'>(id, {
        kind: 'addDevice',
        pool: toWord(pool, 'pool'),
        device: toWord(device, 'device'),
        extents: toNumber(extents, 'extents'),
      });
      return { number: BigInt(answer.number) };
    },
    setLimits: async ({ id, pool, oversubscriptionPercent, fencesPerHour }, { caller }) =>
      access.act<'setPoolLimits'>(id, {
        kind: 'setPoolLimits',
        pool: toWord(pool, 'pool'),
        oversubscriptionPercent: toOptionalNumber(oversubscriptionPercent, 'oversubscription_percent'),
        fencesPerHour: toOptionalNumber(fencesPerHour, 'fences_per_hour'),
        by: describeCaller(caller),
        atMs: access.wallMs,
      }),
    // What devices prove is their agents' word, in the stream of their session: here a person speaks.
    open: async ({ id, pool }, { caller }) =>
      access.act<'proveGeneration'>(id, {
        kind: 'proveGeneration',
        pool: toWord(pool, 'pool'),
        evidence: { readBacks: [], waitedInTerm: null },
        by: describeCaller(caller),
        atMs: access.wallMs,
      }),
    get: async ({ name, isLocal }) => {
      const asked = toWord(name, 'name');
      const { value: found, revision } = await access.read(isLocal, (database) => {
        const row = database.get(poolNamed, asked);
        return row === null ? null : { pool: poolOf(database, row), largestVolumeExtents: largestVolume(row) };
      });
      if (found === null) throw new OpError('POOL_NOT_FOUND', { pool: asked });
      return { ...found, revision };
    },
    list: async ({ isLocal }) => {
      const { value: pools, revision } = await access.read(isLocal, (database) =>
        database.all(allPools).map((row) => poolOf(database, row)),
      );
      return { pools, revision };
    },
  };
}

/** A pool that is full takes no volume, whatever it may promise. */
function largestVolume(pool: PoolRow): bigint {
  const room = pool.free === 0 ? 0 : promiseLimit(pool) - pool.provisioned;
  return BigInt(Math.max(0, Math.min(room, stateLimits.extentsPerVolume)));
}

function poolOf(database: StateDatabase, row: PoolRow): Pool {
  return {
    name: row.name,
    fencing: fromChoice(row.fencing),
    tier: fromChoice(row.tier),
    isBestEffortTakeover: row.is_best_effort === 1,
    drainBoundMs: row.drain_bound_ms === null ? null : BigInt(row.drain_bound_ms),
    fencesPerHour: BigInt(row.fences_per_hour),
    oversubscriptionPercent: BigInt(row.oversubscription),
    extentBytes: BigInt(row.extent_bytes),
    totalExtents: BigInt(row.total),
    freeExtents: BigInt(row.free),
    leasedExtents: BigInt(row.leased),
    mappedExtents: BigInt(row.mapped),
    quarantinedExtents: BigInt(row.quarantined),
    promisedExtents: BigInt(row.provisioned),
    isOpen: row.open_generation === State.read(database).generation,
    isOpening: row.proof !== null,
    devices: database.all(devicesOf, row.name).map(({ number, id, extents, free }) => ({
      ...{ number: BigInt(number), id },
      extents: BigInt(extents),
      freeExtents: BigInt(free),
    })),
  };
}

export function settingsHandlers(access: StateAccess): Handlers<Services['settingsService']> {
  return {
    list: async ({ isLocal }) => {
      const { value, revision } = await access.read(isLocal, (database) => database.all(allSettings));
      return { settings: Object.fromEntries(value.map((row) => [row.name, row.value])), revision };
    },
    set: ({ id, name, value }, { caller }) =>
      access.act<'setSetting'>(id, {
        kind: 'setSetting',
        name: toWord(name, 'name'),
        value,
        by: describeCaller(caller),
        atMs: access.wallMs,
      }),
  };
}
