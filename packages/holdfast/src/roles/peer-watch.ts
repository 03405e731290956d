// The other metadata servers, as this one sees them: each is asked for its status at a bounded rate, one call at a time, and
// what came of it is kept for whoever asks this server. Over the same channels the own certificate is renewed, where this
// server does not hold the authority itself.
import { formatAddress, OpError, pause, toOpError, type Clock, type Random, type Timers } from '@holdfast/base';
import {
  createChannel,
  type CertificateKeeper,
  type Channel,
  type loadMetadataServices,
  type Peer,
  type Timestamp,
} from '@holdfast/rpc';
import type { Log, Metrics } from '@holdfast/telemetry';
import type { NamedAddress } from '../config/fields.ts';

export interface PeerWatchOptions {
  readonly keeper: CertificateKeeper;
  readonly services: Awaited<ReturnType<typeof loadMetadataServices>>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

interface WatchedPeer {
  readonly channel: Channel;
  seen: Peer;
}

export class PeerWatch {
  readonly #options: PeerWatchOptions;
  readonly #peers: WatchedPeer[] = [];
  readonly #loops: Promise<void>[] = [];
  readonly #stopped = new AbortController();

  constructor(options: PeerWatchOptions) {
    this.#options = options;
  }

  async start(peers: readonly NamedAddress[]): Promise<void> {
    for (const { name, address } of peers.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
      const text = formatAddress(address);
      const channel = await createChannel({ ...this.#options, address: text });
      const seen: Peer = { name, address: text, reachability: 'UNKNOWN', reason: '', lastAnswerTime: null };
      const peer = { channel, seen };
      this.#peers.push(peer);
      this.#loops.push(this.#watch(peer));
    }
  }

  /** In the order of their names. */
  seen(): readonly Peer[] {
    return this.#peers.map(({ seen }) => seen);
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new OpError('CANCELLED', { reason: 'the process stops' }));
    await Promise.all(this.#loops);
    for (const { channel } of this.#peers) channel.close();
  }

  /** Asks one peer after the other until one signs; the first reason is told if none does. */
  readonly renew = async (csrDer: Uint8Array, signal: AbortSignal): Promise<string> => {
    const { certificatesService } = this.#options.services;
    const timeoutMs = this.#options.timeoutMs;
    const failures: OpError[] = [];
    for (const { channel } of this.#peers) {
      try {
        const { certificateChainPem } = await channel
          .calls(certificatesService)
          .renew({ csrDer }, { timeoutMs, signal });
        return certificateChainPem;
      } catch (error) {
        failures.push(toOpError(error));
      }
    }
    const reason = failures[0]?.message ?? 'this server holds no authority and knows no peer';
    throw new OpError('CERTIFICATE_SIGNER_MISSING', { reason });
  };

  async #watch(peer: WatchedPeer): Promise<void> {
    const { signal } = this.#stopped;
    const { statusService } = this.#options.services;
    const { get } = peer.channel.calls(statusService);
    while (!this.#isStopping()) {
      try {
        await get({}, { timeoutMs: this.#options.timeoutMs, signal });
        this.#note(peer, null);
      } catch (error) {
        // Called off by our own stop: it says nothing about the peer.
        if (!this.#isStopping()) this.#note(peer, toOpError(error));
      }
      await pause(this.#options.timers, this.#options.intervalMs, signal);
    }
  }

  #isStopping(): boolean {
    return this.#stopped.signal.aborted;
  }

  #note(peer: WatchedPeer, failure: OpError | null): void {
    const before = peer.seen;
    peer.seen =
      failure === null
        ? {
            ...before,
            reachability: 'REACHABLE',
            reason: '',
            lastAnswerTime: toTimestamp(this.#options.clock.wallMs()),
          }
        : { ...before, reachability: 'UNREACHABLE', reason: failure.message };
    if (before.reachability === peer.seen.reachability) return;
    const fields = { peer: before.name, address: before.address };
    if (failure === null) this.#options.log.info('peer reachable', fields);
    else this.#options.log.warn('peer unreachable', { ...fields, error: failure });
  }
}

function toTimestamp(wallMs: number): Timestamp {
  const seconds = Math.floor(wallMs / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((wallMs - seconds * 1000) * 1_000_000) };
}
