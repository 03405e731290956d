// Requests and answers between the machines of the model, over the world's links: what is cut or lost does not arrive, what is
// doubled arrives twice, a machine that stands still takes it when it goes on. Nobody is told; who asks gives up after a while.
import type { Timers } from '@holdfast/base';
import type { VirtualNetwork, VirtualNode, VirtualTime } from '@holdfast/base/internal';

export type Handler<Request, Reply> = (from: string, request: Request, reply: (reply: Reply) => void) => void;

export interface Caller {
  readonly node: VirtualNode;
  readonly timers: Timers;
}

export class Wire<Request, Reply> {
  readonly #time: VirtualTime;
  readonly #network: VirtualNetwork;
  readonly #doors = new Map<string, { readonly node: VirtualNode; readonly handler: Handler<Request, Reply> }>();

  constructor(time: VirtualTime, network: VirtualNetwork) {
    this.#time = time;
    this.#network = network;
  }

  listen(node: VirtualNode, handler: Handler<Request, Reply>): void {
    this.#doors.set(node.name, { node, handler });
  }
  close(name: string): void {
    this.#doors.delete(name);
  }

  /** Resolves with null when no answer came in time. */
  call(from: Caller, to: string, request: Request, timeoutMs: number): Promise<Reply | null> {
    return new Promise((resolve) => {
      const timer = from.timers.after(timeoutMs, () => resolve(null));
      const take = (reply: Reply): void => {
        timer.cancel();
        resolve(reply);
      };
      this.#carry(from.node.name, to, () => {
        const door = this.#doors.get(to);
        if (door === undefined) return;
        const back = (reply: Reply): void =>
          this.#carry(to, from.node.name, () => from.node.post(0, () => take(reply)));
        door.node.post(0, () => {
          // The process may have died while its machine stood still.
          if (this.#doors.get(to) === door) door.handler(from.node.name, request, back);
        });
      });
    });
  }

  #carry(from: string, to: string, arrive: () => void): void {
    const link = this.#network.link(from, to);
    if (link.isCut || link.happens('lossRate')) return;
    const copies = link.happens('duplicateRate') ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const atMs = Math.max(this.#time.nowMs + link.delayMs(), link.cloggedUntilMs);
      this.#time.at(atMs, () => (link.isCut ? undefined : arrive()));
    }
  }
}
