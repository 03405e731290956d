// A role's own certificate over its whole life: read from files, read again when they change, renewed at two thirds of its life
// while the process runs. Whoever needs certificates asks `current` each time, so that nobody holds an old one.
// Polls with stat: inotify misses a Secret's replacement on some file systems, and a list must be seen within a second.
import { InvariantError, backoffDelayMs, invariant, OpError, toOpError, withTimeout } from '@holdfast/base';
import type { Backoff, Clock, Random, Timer, Timers } from '@holdfast/base';
import type { Log, Metrics } from '@holdfast/telemetry';
import type { CertificateStore, StoredCertificates } from './certificate-store.ts';
import { parseOwnCredentials, parseOwnRevocations, type Credentials, type OwnCredentials } from './credentials.ts';
import { formatIdentity, sameIdentity } from './identity.ts';
import { RevocationList } from './revocation-list.ts';
import { createSigningRequest, exportPrivateKey, generateKeyPair } from './signing-request.ts';

export const pollIntervalMs = 250;
const renewLimitMs = 10_000;
/** The share of a life after which a certificate is renewed, and by how much of a life lots are drawn to come earlier. */
const renewShare = 2 / 3;
const jitterShare = 1 / 20;

/** Certifies the key of a signing request (DER) for the identity that the caller has: answers the certificate in PEM. */
export type Renew = (csr: Uint8Array, signal: AbortSignal) => Promise<string>;

export interface KeeperOptions {
  readonly store: CertificateStore;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  /** Null in a program that exposes none. */
  readonly metrics: Metrics | null;
}

export class CertificateKeeper {
  readonly #options: KeeperOptions;
  readonly #listeners = new Set<() => void>();
  readonly #stopped = new AbortController();
  #current: Credentials;
  #revision = 1;
  #timer: Timer | null = null;
  #problem = '';
  #renew: Renew | null = null;
  #renewAtMs = Infinity;
  #renewAttempts = 0;
  #renewal: Promise<void> | null = null;
  #poll: Promise<void> | null = null;
  /** A list that was taken over and is not yet on the disk as the latest one seen. */
  #unsavedList: string | null;

  private constructor(options: KeeperOptions, current: Credentials, unsavedList: string | null) {
    this.#options = options;
    this.#current = current;
    this.#unsavedList = unsavedList;
    this.#adopted();
    this.#schedulePoll();
  }

  static async open(options: KeeperOptions): Promise<CertificateKeeper> {
    const stored = await options.store.load();
    invariant(stored !== null, 'a first load answers what the files hold');
    const own = parseOwnCredentials(stored, options.store.source);
    const found = parseOwnRevocations(stored, own, options.store.source);
    const seen = await loadSeen(options, own);
    if (found.generation < seen.generation) {
      options.log.warn('earlier revocation list not taken over', { error: earlier(found, seen, options.store.source) });
      return new CertificateKeeper(options, { ...own, revocations: seen }, null);
    }
    const unsavedList = found.generation > seen.generation ? stored.revocations : null;
    return new CertificateKeeper(options, { ...own, revocations: found }, unsavedList);
  }

  get current(): Credentials {
    return this.#current;
  }

  /** Grows with every change of `current`: what was judged at one revision is judged again at the next. */
  get revision(): number {
    return this.#revision;
  }

  /** Calls `listener` after every change; the function that it returns ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** From now on the certificate is renewed by `renew`. Not part of `open`, because the way to the signer needs a keeper. */
  renewWith(renew: Renew): void {
    this.#renew = renew;
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new OpError('CANCELLED', { reason: 'the process stops' }));
    this.#timer?.cancel();
    await Promise.all([this.#poll, this.#renewal]);
  }

  #schedulePoll(): void {
    this.#timer = this.#options.timers.after(pollIntervalMs, () => {
      this.#poll = this.#look();
    });
  }

  async #look(): Promise<void> {
    try {
      const stored = await this.#options.store.load();
      if (stored !== null) this.#adopt(stored);
      await this.#saveList();
      this.#problem = '';
    } catch (error) {
      this.#report('certificate files not taken over', error);
    }
    if (this.#stopped.signal.aborted) return;
    if (this.#renewal === null && this.#options.clock.wallMs() >= this.#renewAtMs && this.#renew !== null) {
      this.#renewal = this.#runRenewal(this.#renew);
    }
    this.#schedulePoll();
  }

  /** Takes over what is good: a bad list does not keep a renewed certificate out, nor a bad certificate a list. */
  #adopt(stored: StoredCertificates): void {
    const problems: unknown[] = [];
    const orCurrent = <Part>(read: () => Part, current: Part): Part => {
      try {
        return read();
      } catch (error) {
        problems.push(error);
        return current;
      }
    };
    const own: OwnCredentials = orCurrent(() => this.#readOwn(stored), this.#current);
    const revocations = orCurrent(() => this.#readRevocations(stored, own), this.#current.revocations);
    this.#current = { ...own, revocations };
    this.#revision += 1;
    this.#adopted();
    for (const listener of this.#listeners) listener();
    if (problems.length > 0) throw problems[0];
  }

  #readOwn(stored: StoredCertificates): OwnCredentials {
    const { source } = this.#options.store;
    const own = parseOwnCredentials(stored, source);
    if (sameIdentity(own.identity, this.#current.identity)) return own;
    const [found, expected] = [formatIdentity(own.identity), formatIdentity(this.#current.identity)];
    throw new OpError('CERTIFICATE_UNREADABLE', { source, reason: `it names ${found} instead of ${expected}` });
  }

  #readRevocations(stored: StoredCertificates, own: OwnCredentials): RevocationList {
    const { revocations } = this.#current;
    // A list that is gone takes nothing back, and neither does one from before the list that was seen.
    if (stored.revocations === null) return revocations;
    const found = parseOwnRevocations(stored, own, this.#options.store.source);
    if (found.generation < revocations.generation) throw earlier(found, revocations, this.#options.store.source);
    if (found.generation > revocations.generation) this.#unsavedList = stored.revocations;
    return found;
  }

  /** In force since it was adopted; saved so that it stays in force whatever the next process finds. */
  async #saveList(): Promise<void> {
    const list = this.#unsavedList;
    if (list === null) return;
    await this.#options.store.saveSeenRevocations(list);
    this.#unsavedList = null;
  }

  #adopted(): void {
    const { certificate, authorities } = this.#current;
    const lifeMs = certificate.notAfterMs - certificate.notBeforeMs;
    const jitterMs = this.#options.random.fraction() * lifeMs * jitterShare;
    this.#renewAtMs = certificate.notBeforeMs + lifeMs * renewShare - jitterMs;
    this.#renewAttempts = 0;
    const gauge = this.#options.metrics?.gauge('holdfast_certificate_expiry_seconds');
    gauge?.set({ certificate: 'identity' }, certificate.notAfterMs / 1000);
    const authorityEndMs = Math.min(...authorities.map((authority) => authority.notAfterMs));
    gauge?.set({ certificate: 'authority' }, authorityEndMs / 1000);
  }

  async #runRenewal(renew: Renew): Promise<void> {
    const { log, timers, clock, random, store } = this.#options;
    const backoff = renewBackoff(this.#current);
    try {
      const pem = await withTimeout(
        { timers, what: 'the renewal of the certificate', limitMs: renewLimitMs, signal: this.#stopped.signal },
        async (signal) => this.#obtain(renew, signal),
      );
      await store.saveIdentity(pem);
      // The next look takes the file over and sets the real time.
      this.#renewAtMs = clock.wallMs() + backoff.ceilingMs;
      log.info('certificate renewed', { holder: formatIdentity(this.#current.identity) });
    } catch (error) {
      this.#renewAttempts += 1;
      this.#renewAtMs = clock.wallMs() + backoffDelayMs(backoff, this.#renewAttempts, random);
      if (!this.#stopped.signal.aborted) this.#report('certificate not renewed', error);
    } finally {
      this.#renewal = null;
    }
  }

  /** A fresh key and its certificate, checked before anybody relies on them. */
  async #obtain(renew: Renew, signal: AbortSignal): Promise<string> {
    const pair = generateKeyPair();
    const certificatePem = await renew(createSigningRequest(pair), signal);
    const identityPem = exportPrivateKey(pair.privateKey) + certificatePem;
    const authoritiesPem = this.#current.authorities.map((authority) => authority.x509.toString()).join('');
    const source = 'the renewed certificate';
    const { identity, certificate } = parseOwnCredentials({ identityPem, authoritiesPem, revocations: null }, source);
    const refuse = (reason: string): OpError => new OpError('CERTIFICATE_UNREADABLE', { source, reason });
    if (!sameIdentity(identity, this.#current.identity)) throw refuse(`it names ${formatIdentity(identity)}`);
    if (certificate.notAfterMs <= this.#options.clock.wallMs()) throw refuse('it has ended already');
    return identityPem;
  }

  /** One line per problem, not one per look. */
  #report(message: string, error: unknown): void {
    if (error instanceof InvariantError) throw error;
    const known = toOpError(error);
    if (this.#problem === known.line) return;
    this.#problem = known.line;
    this.#options.log.warn(message, { error: known });
  }
}

/** A copy that is unreadable, or that a former authority signed, is worth nothing; it keeps nobody from starting. */
async function loadSeen({ store, log }: KeeperOptions, own: OwnCredentials): Promise<RevocationList> {
  try {
    const revocations = await store.loadSeenRevocations();
    return parseOwnRevocations({ revocations }, own, store.source);
  } catch (error) {
    log.warn('the list that was seen last is not usable', { error: toOpError(error) });
    return RevocationList.empty(own.identity.cluster);
  }
}

function earlier(found: RevocationList, seen: RevocationList, source: string): OpError {
  const reason = `its generation ${found.generation} comes before ${seen.generation}, which was seen`;
  return new OpError('REVOCATION_LIST_REFUSED', { source: `beside ${source}`, reason });
}

/** In proportion to the life: a certificate of a minute is tried again within half a second, one of a month within minutes. */
function renewBackoff({ certificate }: Credentials): Backoff {
  const lifeMs = certificate.notAfterMs - certificate.notBeforeMs;
  const baseMs = Math.min(Math.max(lifeMs / 120, 100), 30_000);
  return { baseMs, ceilingMs: Math.min(Math.max(lifeMs / 10, baseMs), 600_000) };
}
