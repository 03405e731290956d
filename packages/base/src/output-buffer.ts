// What a command wrote, within a limit: its first bytes (answers are read from their start) or its last (the reason of a
// failure stands at the end). Both say whether anything was dropped.

export class OutputHead {
  readonly #limitBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #sizeBytes = 0;
  #isCut = false;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  add(chunk: Uint8Array): void {
    const kept = chunk.subarray(0, this.#limitBytes - this.#sizeBytes);
    if (kept.length < chunk.length) this.#isCut = true;
    if (kept.length === 0) return;
    this.#chunks.push(kept);
    this.#sizeBytes += kept.length;
  }

  toString(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

export class OutputTail {
  readonly #limitBytes: number;
  #chunks: Uint8Array[] = [];
  #sizeBytes = 0;
  #isCut = false;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  add(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#sizeBytes += chunk.length;
    // Joined at twice the limit, so that each byte is copied a bounded number of times however small the chunks are.
    if (this.#sizeBytes >= 2 * this.#limitBytes) this.#compact();
  }

  toString(): string {
    this.#compact();
    return Buffer.concat(this.#chunks).toString('utf8');
  }

  #compact(): void {
    if (this.#sizeBytes <= this.#limitBytes) return;
    this.#isCut = true;
    this.#chunks = [Buffer.concat(this.#chunks).subarray(this.#sizeBytes - this.#limitBytes)];
    this.#sizeBytes = this.#limitBytes;
  }
}
