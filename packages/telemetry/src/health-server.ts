// The HTTP server that the kubelet and Prometheus ask: /healthz (the event loop turns), /readyz (every check holds, each by
// name) and /metrics. It is open to whoever reaches it, so it says nothing secret, reads no body and drops slow clients.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenOnPort, toOpError, type Timers } from '@holdfast/base';
import { HealthChecks } from './health-checks.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

export interface HealthServerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly metrics: Metrics;
  readonly timers: Timers;
  readonly log: Log;
  /** From the first byte of a request to its last: none of ours takes more than one packet. */
  readonly requestLimitMs?: number;
}

const connectionsLimit = 64;
const requestLimitMsDefault = 5_000;
const headerLimitBytes = 8 * 1024;
const idleLimitMs = 10_000;

export class HealthServer {
  readonly checks: HealthChecks;
  readonly #server: Server;
  readonly #options: HealthServerOptions;

  private constructor(options: HealthServerOptions) {
    this.#options = options;
    this.checks = new HealthChecks(options.timers);
    const requestLimitMs = options.requestLimitMs ?? requestLimitMsDefault;
    this.#server = createServer(
      {
        requestTimeout: requestLimitMs,
        headersTimeout: requestLimitMs,
        connectionsCheckingInterval: requestLimitMs / 5,
        keepAliveTimeout: idleLimitMs,
        maxHeaderSize: headerLimitBytes,
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.maxConnections = connectionsLimit;
  }

  /** Listens when the promise resolves. */
  static async start(options: HealthServerOptions): Promise<HealthServer> {
    const health = new HealthServer(options);
    await listenOnPort(health.#server, { kind: 'tcp', host: options.host, port: options.port });
    return health;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes no further request; answers that are under way are finished within `limitMs`. */
  async stop(limitMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const force = this.#options.timers.after(limitMs, () => this.#server.closeAllConnections());
    await closed;
    force.cancel();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { status, type, text } = await this.#respond(request);
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? '' : text);
    } catch (error) {
      this.#options.log.error('health request failed', { path: request.url ?? '', error: toOpError(error) });
      response.writeHead(500, { 'content-type': 'text/plain' }).end('internal error\n');
    }
  }

  async #respond(request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'only GET and HEAD\n');
    const [path] = (request.url ?? '/').split('?', 1);
    switch (path) {
      case '/healthz':
        return plain(200, 'ok\n');
      case '/readyz':
        return this.#readiness();
      case '/metrics': {
        const { metrics } = this.#options;
        return { status: 200, type: metrics.contentType, text: await metrics.scrape() };
      }
      default:
        return plain(404, 'there are /healthz, /readyz and /metrics\n');
    }
  }

  async #readiness(): Promise<Answer> {
    const results = await this.checks.run();
    const isReady = results.every(({ problem }) => problem === null);
    const checks = Object.fromEntries(results.map(({ name, problem }) => [name, problem ?? 'ok']));
    const text = `${JSON.stringify({ ready: isReady, checks })}\n`;
    return { status: isReady ? 200 : 503, type: 'application/json', text };
  }
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

function plain(status: number, text: string): Answer {
  return { status, type: 'text/plain', text };
}
