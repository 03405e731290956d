// The life of a role: configuration, log and metrics, its parts from top to bottom, ready, then draining at the first SIGTERM.
// The process that runs it ends when it returns.
import { formatAddress, formatDuration, toOpError, type Timers } from '@holdfast/base';
import type { Call } from '@holdfast/cli';
import {
  createLog,
  createMetrics,
  HealthChecks,
  HealthServer,
  measureProcess,
  type Log,
  type LogFields,
  type Metrics,
  StdoutSink,
} from '@holdfast/telemetry';
import type { CommonFields } from './config/common.ts';
import { loadConfig } from './config/config.ts';
import type { Fields, TcpAddress } from './config/fields.ts';
import type { Setting } from './config/sources.ts';
import { Parts, type Stop } from './parts.ts';
import type { RoleDefinition } from './role.ts';
import { stopRequested } from './stop-signals.ts';
import { commit, version } from './version.ts';

export async function runRole<Table extends Fields & CommonFields>(
  definition: RoleDefinition<Table>,
  { flags, given, system }: Call,
): Promise<void> {
  const stop = stopRequested();
  const { clock, timers, random, environment } = system;
  // Each is an import of many files; side by side they wait for the disk once.
  const [schema, build] = await Promise.all([definition.schema(), definition.load()]);
  const { config, printed } = await loadConfig(schema, { flags, givenFlags: given, environment });
  const sink = new StdoutSink({ timers });
  const log = await createLog({ role: definition.name, node: config.nodeName, level: config.logLevel, clock, sink });
  log.info('starting', { version: version(), commit: commit(environment), config: loggedConfig(printed) });

  // Told before the entry point ends the process: only the log takes a stack.
  process.on('uncaughtExceptionMonitor', (error) => log.error('defect', { error }));
  const parts = new Parts(clock, timers);
  const failure = Promise.withResolvers<never>();
  let isReady = false;
  try {
    const metrics = await createMetrics();
    metrics.onScrape(() => metrics.counter('holdfast_log_dropped_lines_total').setTotal({}, sink.droppedLines));
    const facts = { version: version(), commit: commit(environment) ?? '', role: definition.name };
    parts.add('measurements', stopping(measureProcess(metrics, facts, clock)));
    const checks = await openHealth(config.healthListen, { parts, metrics, timers, log });
    const built = build({ config, log, metrics, checks, clock, timers, random, parts, fail: failure.reject });
    const early = await Promise.race([built.then(() => null), stop, failure.promise]);
    if (early === null) {
      isReady = true;
      checks.setReady(true);
      log.info('ready', { start_ms: Math.round(clock.monotonicMs()) });
    }
    const signal = early ?? (await Promise.race([stop, failure.promise]));
    checks.setReady(false);
    log.info('draining', { signal, limit: formatDuration(config.drainTimeout.ms) });
  } catch (error) {
    log.error(isReady ? 'failed' : 'not started', { error: toOpError(error) });
    await parts.stop(config.drainTimeout.ms).catch((failure: unknown) => {
      log.error('not stopped', { error: toOpError(failure) });
    });
    throw error;
  }
  await parts.stop(config.drainTimeout.ms);
  log.info('stopped');
}

interface HealthParts {
  readonly parts: Parts;
  readonly metrics: Metrics;
  readonly timers: Timers;
  readonly log: Log;
}

/** Stays up while the rest drains, so that the kubelet reads "not ready" and not "gone". */
async function openHealth(listen: TcpAddress | null, { parts, ...options }: HealthParts): Promise<HealthChecks> {
  if (listen === null) return new HealthChecks(options.timers);
  const server = await HealthServer.start({ ...listen, ...options });
  options.log.info('health served', { address: formatAddress({ ...listen, port: server.port }) });
  parts.add('health', async (limitMs) => server.stop(limitMs));
  return server.checks;
}

function stopping(stop: () => void): Stop {
  return async () => stop();
}

/** Every value that is in force, with its source, and no secret. */
function loggedConfig(printed: readonly Setting[]): LogFields {
  return Object.fromEntries(
    printed.map(({ key, text, source }) => [key, source === 'default' ? text : `${text} (${source})`]),
  );
}
