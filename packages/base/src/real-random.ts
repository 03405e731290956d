// The operating system's randomness, through Node's crypto.
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { invariant } from './invariant.ts';
import type { Random } from './random.ts';

export class RealRandom implements Random {
  below(bound: number): number {
    invariant(Number.isInteger(bound) && bound > 0 && bound < 2 ** 48, `a random number below ${bound}`);
    return randomInt(bound);
  }
  fraction(): number {
    return (randomInt(2 ** 26) * 2 ** 27 + randomInt(2 ** 27)) / 2 ** 53;
  }
  bytes(length: number): Uint8Array {
    return randomBytes(length);
  }
  uuid(): string {
    return randomUUID();
  }
}
