// Randomness as a thing that is passed in: from the operating system in production, from a seed in tests and the simulator.

export interface Random {
  /** A whole number in [0, bound). */
  below(bound: number): number;
  /** A number in [0, 1). */
  fraction(): number;
  bytes(length: number): Uint8Array;
  /** A version 4 UUID. */
  uuid(): string;
}
