// Pools, their devices, and the settings of the cluster.
import { OpError } from '@holdfast/base';
import type { CommandOf, ResultOf } from './commands.ts';
import type { DeviceRow, PoolRow } from './entities.ts';
import { giveFree, moveExtents, poolOf } from './extents.ts';
import { change, insert, query } from './query.ts';
import { limitReached, type State } from './state.ts';
import { stateLimits } from './state-limits.ts';

const poolNamed = query<PoolRow>('SELECT * FROM pools WHERE name = ?');
const countPools = query<{ readonly count: number }>('SELECT COUNT(*) AS count FROM pools');
const insertPool = insert<PoolRow>('pools', [
  ...(['name', 'fencing', 'tier', 'is_best_effort', 'drain_bound_ms', 'fences_per_hour', 'oversubscription'] as const),
  ...([
    'extent_bytes',
    'open_generation',
    'proof',
    'total',
    'free',
    'leased',
    'mapped',
    'quarantined',
    'provisioned',
  ] as const),
]);
const setLimits = change('UPDATE pools SET oversubscription = ?, fences_per_hour = ? WHERE name = ?');
const growPool = change('UPDATE pools SET total = total + ? WHERE name = ?');
const deviceWithId = query<DeviceRow>('SELECT * FROM devices WHERE id = ?');
const countDevices = query<{ readonly count: number }>('SELECT COUNT(*) AS count FROM devices WHERE pool = ?');
const insertDevice = insert<DeviceRow>('devices', ['number', 'id', 'pool', 'extents', 'free']);

export function createPool(state: State, command: CommandOf<'createPool'>): object {
  const { database, cluster } = state;
  const asked = {
    name: command.pool,
    fencing: command.fencing,
    tier: command.tier,
    is_best_effort: Number(command.isBestEffortTakeover),
    drain_bound_ms: command.drainBoundMs,
    fences_per_hour: command.fencesPerHour,
    oversubscription: command.oversubscriptionPercent,
    extent_bytes: command.extentBytes,
  };
  const known = database.get(poolNamed, command.pool);
  if (known !== null) {
    const isSame = Object.entries(asked).every(([name, value]) => known[name as keyof PoolRow] === value);
    if (!isSame) throw new OpError('POOL_EXISTS', { pool: command.pool });
    return {};
  }
  if ((database.get(countPools)?.count ?? 0) >= stateLimits.pools) throw limitReached('pools', stateLimits.pools);
  const nothing = { total: 0, free: 0, leased: 0, mapped: 0, quarantined: 0, provisioned: 0 };
  database.insert(insertPool, { ...asked, open_generation: cluster.generation, proof: null, ...nothing });
  state.note('pool', command.pool);
  return {};
}

export function addDevice(state: State, { pool, device: id, extents }: CommandOf<'addDevice'>): ResultOf<'addDevice'> {
  const { database, cluster } = state;
  poolOf(state, pool);
  const known = database.get(deviceWithId, id);
  if (known?.pool === pool && known.extents === extents) return { number: known.number };
  if (known !== null) throw new OpError('DEVICE_EXISTS', { device: id, pool: known.pool, extents: known.extents });
  const { devicesPerPool: limit } = stateLimits;
  if ((database.get(countDevices, pool)?.count ?? 0) >= limit) throw limitReached(`devices of the pool ${pool}`, limit);
  // From 1: in a map, device 0 stands for a hole.
  const number = ++cluster.devices;
  database.insert(insertDevice, { number, id, pool, extents, free: 0 });
  database.run(growPool, extents, pool);
  moveExtents(state, pool, extents, [null, 'free']);
  giveFree(state, { device: number, start: 0, length: extents });
  state.note('device', id);
  state.note('pool', pool);
  return { number };
}

export function setPoolLimits(state: State, command: CommandOf<'setPoolLimits'>): object {
  const { pool: name, by, atMs } = command;
  const pool = poolOf(state, name);
  const oversubscription = command.oversubscriptionPercent ?? pool.oversubscription;
  const fences = command.fencesPerHour ?? pool.fences_per_hour;
  if (oversubscription === pool.oversubscription && fences === pool.fences_per_hour) return {};
  state.database.run(setLimits, oversubscription, fences, name);
  state.audit(atMs, by, `set the limits of the pool ${name}: ${oversubscription} %, ${fences} fences an hour`);
  state.note('pool', name);
  return {};
}

export function setSetting(state: State, { name, value, by, atMs }: CommandOf<'setSetting'>): object {
  const { settings } = state;
  const { settings: limit } = stateLimits;
  if (!settings.has(name) && settings.count >= limit) throw limitReached('settings', limit);
  settings.set(name, value);
  state.audit(atMs, by, `set ${name}`);
  state.note('setting', name);
  return {};
}
