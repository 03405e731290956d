// Where extents lie: the model numbers them through over all devices of a pool, the service counts them on each device.
import { invariant } from '@holdfast/base';
import type { PoolShape } from '../fencing/shape.ts';

export interface Place {
  readonly device: number;
  readonly start: number;
}

export interface PoolLayout {
  readonly name: string;
  readonly devices: readonly string[];
  /** The service's number of the first device; devices are added in the order of their pools, and numbered from 1. */
  readonly firstNumber: number;
  readonly extentsPerDevice: number;
}

export class Layouts {
  readonly #pools = new Map<string, PoolLayout>();
  readonly #byDevice: PoolLayout[] = [];

  constructor(pools: readonly Pick<PoolShape, 'name' | 'devices' | 'extents'>[]) {
    for (const { name, devices: count, extents } of pools) {
      const devices = Array.from({ length: count }, (_, at) => `${name}d${at + 1}`);
      const firstNumber = this.#byDevice.length + 1;
      const layout = { name, devices, firstNumber, extentsPerDevice: Math.floor(extents / count) };
      this.#pools.set(name, layout);
      for (let each = 0; each < count; each++) this.#byDevice.push(layout);
    }
  }

  pool(name: string): PoolLayout {
    const layout = this.#pools.get(name);
    invariant(layout !== undefined, `there is no pool ${name}`);
    return layout;
  }
  poolOfDevice(device: number): PoolLayout {
    const layout = this.#byDevice[device - 1];
    invariant(layout !== undefined, `there is no device ${device}`);
    return layout;
  }

  extentOf({ device, start }: Place): number {
    const { devices, firstNumber } = this.poolOfDevice(device);
    return start * devices.length + device - firstNumber;
  }

  extentsOf({ device, start, length }: Place & { readonly length: number }): number[] {
    return Array.from({ length }, (_, offset) => this.extentOf({ device, start: start + offset }));
  }

  placeOf(pool: string, extent: number): Place {
    const { devices, firstNumber } = this.pool(pool);
    return { device: firstNumber + (extent % devices.length), start: Math.floor(extent / devices.length) };
  }
}
