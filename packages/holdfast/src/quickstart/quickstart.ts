// The demonstration: a cluster of two metadata servers in a temporary folder, made with the commands that a person would type,
// shown at work, and taken away again. Every line that begins with $ was really run.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { invariant, onAbort, OpError, raceAbort, retry, throwIfAborted, toOpError, type Backoff } from '@holdfast/base';
import { askStatus, connect, failureText, type System } from '@holdfast/cli';
import { parseCertificates, type StatusResponse } from '@holdfast/rpc';
import { runWords } from '../command-line.ts';
import { freePort, ServerProcess } from './server-process.ts';

/** How often a condition is looked at, and for how long. */
const pollBackoff: Backoff = { baseMs: 20, ceilingMs: 100 };
const pollsLimit = 300;
/** Short enough to watch; the server has a quarter of a second to see it, and two thirds of it to renew it. */
const shortLife = '6s';

export interface QuickstartOptions {
  /** Whether it ends by itself. */
  readonly isOnce: boolean;
}

export async function runQuickstart(system: System, options: QuickstartOptions): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new OpError('CANCELLED', { reason: 'a signal came' }));
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-quickstart-'));
  const demonstration = new Demonstration(system, folder, stop.signal);
  try {
    await raceAbort(demonstration.show(), stop.signal);
    if (!options.isOnce) await demonstration.wait();
  } finally {
    await demonstration.end();
    await rm(folder, { recursive: true });
  }
}

class Demonstration {
  readonly #system: System;
  readonly #folder: string;
  readonly #signal: AbortSignal;
  readonly #servers: ServerProcess[] = [];
  #addresses: readonly string[] = [];

  constructor(system: System, folder: string, signal: AbortSignal) {
    this.#system = system;
    this.#folder = folder;
    this.#signal = signal;
  }

  async show(): Promise<void> {
    const beginMs = this.#system.clock.monotonicMs();
    this.#say(`Everything lies in ${this.#folder} and is removed at the end.`);
    await this.#makeCertificates();
    await this.#startServers();
    await this.#showRevocation();
    await this.#showRenewal();
    const seconds = ((this.#system.clock.monotonicMs() - beginMs) / 1000).toFixed(1);
    this.#say(
      `\nThat took ${seconds} s. What needs root is not there yet: volumes, their block devices and their mounts.`,
    );
  }

  async wait(): Promise<void> {
    const words = ['--certificates', this.#path('admin-you'), '--server', this.#addresses.join(',')];
    this.#say(`\nThe servers stay up until Ctrl-C. From another shell:\n\n  holdfast status ${words.join(' ')}\n`);
    await new Promise<void>((resolve) => onAbort(this.#signal, () => resolve()));
  }

  async end(): Promise<void> {
    await Promise.all(this.#servers.map(async (server) => server.stop()));
  }

  async #makeCertificates(): Promise<void> {
    this.#title('A certificate authority for the cluster, and an identity for each server and for you');
    const authority = ['--authority', this.#path('authority')];
    await this.#type(['pki', 'init', ...authority]);
    const issue = async (role: string, name: string, more: readonly string[]): Promise<void> =>
      this.#type(['pki', 'issue', role, name, ...authority, '--out', this.#path(`${role}-${name}`), ...more]);
    await issue('metadata', 'm1', ['--host', '127.0.0.1']);
    await issue('metadata', 'm2', ['--host', '127.0.0.1']);
    await issue('admin', 'you', []);
    await issue('agent', 'stolen', ['--node', 'stolen']);
  }

  async #startServers(): Promise<void> {
    this.#title('Two metadata servers, each a process, which speak with each other over mutual TLS');
    this.#addresses = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const [first = '', second = ''] = this.#addresses;
    const startMs = this.#system.clock.monotonicMs();
    this.#start('m1', first, ['--peers', `m2=${second}`, '--authority', this.#path('authority')]);
    this.#start('m2', second, ['--peers', `m1=${first}`]);
    await Promise.all(
      this.#servers.map(async (server, index) =>
        server.ready(
          this.#until(
            async () => this.#ask(index, 'admin-you'),
            ({ peers }) => allReachable(peers),
          ),
        ),
      ),
    );
    this.#took('both serve, and each reaches the other', startMs);
    await this.#type(['status', '--certificates', this.#path('admin-you'), '--server', this.#addresses.join(',')]);
  }

  #start(name: string, address: string, more: readonly string[]): void {
    const words = [
      ...['metadata', '--certificates', this.#path(`metadata-${name}`), '--listen', address, '--health-listen', 'off'],
      ...['--revocations', join(this.#path('authority'), 'revoked.json'), '--peer-interval', '100ms', ...more],
    ];
    this.#say(`$ holdfast ${words.join(' ')} &`);
    const { timers, environment } = this.#system;
    this.#servers.push(new ServerProcess({ name, words, timers, environment }));
  }

  async #showRevocation(): Promise<void> {
    this.#title('A certificate that was stolen is refused within a second');
    const [first = ''] = this.#addresses;
    const status = ['status', '--certificates', this.#path('agent-stolen'), '--server', first];
    await this.#type(status);
    const authority = ['--authority', this.#path('authority')];
    await this.#type([
      'pki',
      'revoke',
      'agent',
      'stolen',
      '--node',
      'stolen',
      ...authority,
      '--reason',
      'the node was stolen',
    ]);
    const revokedMs = this.#system.clock.monotonicMs();
    await this.#until(
      async () =>
        this.#ask(0, 'agent-stolen').then(
          () => null,
          (error: unknown) => toOpError(error).code,
        ),
      (code) => code === 'CERTIFICATE_REVOKED',
    );
    this.#took('refused after', revokedMs);
    await this.#type(status);
  }

  async #showRenewal(): Promise<void> {
    this.#title(`m2 gets a certificate for ${shortLife}, and has it renewed by m1 before it ends, without a restart`);
    const folder = this.#path('metadata-m2');
    await this.#type(['pki', 'renew', folder, '--authority', this.#path('authority'), '--life', shortLife]);
    const before = await this.#serial('metadata-m2');
    const issuedMs = this.#system.clock.monotonicMs();
    await this.#until(
      async () => this.#serial('metadata-m2'),
      (serial) => serial !== before,
    );
    this.#took(`serial ${before} became ${await this.#serial('metadata-m2')} after`, issuedMs);
    await this.#type(['status', '--certificates', this.#path('admin-you'), '--server', this.#addresses.join(',')]);
  }

  async #serial(identity: string): Promise<string> {
    const path = join(this.#path(identity), 'identity.pem');
    const [certificate] = parseCertificates(await readFile(path, 'utf8'), path);
    return certificate?.serial ?? '';
  }

  async #ask(index: number, identity: string): Promise<StatusResponse> {
    const server = this.#addresses.slice(index, index + 1);
    const connections = await connect({ certificates: this.#path(identity), server, timeout: '1s' }, this.#system);
    try {
      const [answer] = await askStatus(connections);
      invariant(answer !== undefined, 'one server gives one answer');
      if (answer.status === null) throw answer.error;
      return answer.status;
    } finally {
      await connections.close();
    }
  }

  /** What `look` finds as soon as it `isRight`; a failure to look counts as not yet. */
  async #until<Found>(look: () => Promise<Found>, isRight: (found: Found) => boolean): Promise<Found> {
    const { timers, random } = this.#system;
    const attempt = async (): Promise<Found> => {
      const found = await look();
      if (!isRight(found))
        throw new OpError('TIMED_OUT', { what: 'a step of the demonstration', limit: `${pollsLimit} looks` });
      return found;
    };
    const options = { timers, random, backoff: pollBackoff, attemptsLimit: pollsLimit, signal: this.#signal };
    return retry(attempt, { ...options, isRetriable: () => true });
  }

  /** Runs a command as if it had been typed; one that is refused is part of the show. */
  async #type(words: readonly string[]): Promise<void> {
    throwIfAborted(this.#signal);
    this.#say(`$ holdfast ${words.map((word) => (word.includes(' ') ? `'${word}'` : word)).join(' ')}`);
    try {
      await runWords(words, { ...this.#system, remark: () => undefined });
    } catch (error) {
      this.#say(failureText(error, false));
    }
  }

  #took(what: string, sinceMs: number): void {
    this.#say(`${what}: ${Math.round(this.#system.clock.monotonicMs() - sinceMs)} ms`);
  }

  #title(text: string): void {
    this.#say(`\n== ${text}`);
  }

  #say(text: string): void {
    this.#system.print(text);
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

function allReachable(peers: StatusResponse['peers']): boolean {
  return peers.every(({ reachability }) => reachability === 'REACHABLE');
}
