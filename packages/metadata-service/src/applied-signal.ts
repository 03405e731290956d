// Tells whoever waits that the state went on. One promise for all of them: a batch wakes each once.
export class AppliedSignal {
  #next = Promise.withResolvers<null>();

  /** Resolves when more is applied than at this moment. */
  get next(): Promise<null> {
    return this.#next.promise;
  }

  tell(): void {
    const { resolve } = this.#next;
    this.#next = Promise.withResolvers<null>();
    resolve(null);
  }
}
