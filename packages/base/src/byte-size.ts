// Byte sizes as people write them: binary units only, because extents and sectors are powers of two and a decimal MB in a
// configuration has always been somebody's mistake. In code a size is a plain number whose name ends in `Bytes`.
import { formatQuantity, parseQuantity, type QuantitySpec } from './quantity.ts';

export const kib = 1024;
export const mib = 1024 ** 2;
export const gib = 1024 ** 3;
export const tib = 1024 ** 4;
export const pib = 1024 ** 5;

const byteSize: QuantitySpec = {
  name: 'byte size',
  example: '64MiB',
  units: [
    { symbol: 'B', worth: 1 },
    { symbol: 'KiB', worth: kib },
    { symbol: 'MiB', worth: mib },
    { symbol: 'GiB', worth: gib },
    { symbol: 'TiB', worth: tib },
    { symbol: 'PiB', worth: pib },
  ],
};

/** `'1MiB'` → 1048576. */
export function parseBytes(text: string): number {
  return parseQuantity(text, byteSize);
}

/** 1048576 → `'1MiB'`; exact, so that it parses to the same number. */
export function formatBytes(sizeBytes: number): string {
  return formatQuantity(sizeBytes, byteSize);
}
