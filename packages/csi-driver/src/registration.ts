// The registration with the kubelet (pluginregistration v1), without a helper process: a socket in the folder that the kubelet
// watches. The kubelet connects when the socket appears, asks who is there (GetInfo), calls NodeGetInfo at the endpoint that it
// was told, writes CSINode, and says how it went (NotifyRegistrationStatus).
//
// What follows from how the kubelet does this:
// - It knows a registration by the socket's path and forgets a driver by its name. A second path for the same driver would have
//   the removal of the first one take the driver away from the second. So the path is the same for every process and release.
// - When the file goes, it forgets the driver and takes it out of CSINode. The file is removed when this process ends: nobody
//   answers then in any case, and nothing is left of a driver that was uninstalled. The successor of a rolling update makes
//   the file again; the kubelet works off both events in their order, because they are of one path. A process that is killed
//   leaves its file: the driver stays registered until the successor replaces it.
// - When the kubelet restarts, it goes through the folder and asks every socket again. It needs nothing from us but that the
//   socket is there, even if somebody wiped the folder meanwhile: StandingServer sees to it.
// - A refusal is final for the kubelet unless the file appears again, as it counts the plugin as known by then. So the file is
//   replaced, at growing intervals; also if no word comes at all, which happens when the kubelet missed the file's event.
import { join } from 'node:path';
import { backoffDelayMs, formatDuration, OpError, type Timer } from '@holdfast/base';
import { loadPluginregistrationServices, serve, type Handlers } from '@holdfast/rpc';
import { driverName } from './identity.ts';
import { StandingServer, type StandingServerOptions } from './standing-server.ts';

export interface RegistrationOptions extends Omit<StandingServerOptions, 'path' | 'services' | 'onReplace'> {
  /** The kubelet's folder plugins_registry, as this process sees it. */
  readonly directory: string;
  /** The driver's socket, as the kubelet sees it. */
  readonly endpoint: string;
  /** How long the kubelet may take before the file is put there again. */
  readonly answerLimitMs?: number;
  readonly refusalBackoff?: { readonly baseMs: number; readonly ceilingMs: number };
}

type State =
  | { readonly kind: 'pending' }
  | { readonly kind: 'registered' }
  | { readonly kind: 'refused'; readonly reason: string };

/** The kubelet's own pauses between attempts at one path grow up to two minutes; less than that would only restart them. */
const answerLimitMsDefault = 150_000;
const refusalBackoffDefault = { baseMs: 1_000, ceilingMs: 60_000 };
/** What the kubelet compares to choose between drivers of one name: the major version of CSI that it may speak. */
const supportedVersions: readonly string[] = ['1.0.0'];
/** Another program's words, fit for one line. */
const reasonLimitChars = 1_000;

type RegistrationService = Awaited<ReturnType<typeof loadPluginregistrationServices>>['registrationService'];

export class Registration {
  readonly #options: RegistrationOptions;
  readonly #path: string;
  #server: StandingServer | null = null;
  #state: State = { kind: 'pending' };
  #refusals = 0;
  #renewal: Timer | null = null;
  /** The kubelet comes as soon as there is a file, which is before the server is known here. */
  #isRenewalDue = false;

  private constructor(options: RegistrationOptions) {
    this.#options = options;
    this.#path = registrationPath(options.directory);
  }

  /** The socket stands when the promise resolves; what the kubelet makes of it, `check` tells. */
  static async start(options: RegistrationOptions): Promise<Registration> {
    const registration = new Registration(options);
    const { registrationService } = await loadPluginregistrationServices();
    const services = [serve(registrationService, registration.#handlers())];
    // Before the file is there: the kubelet's word may come at once, and then counts.
    registration.#expectAnswer();
    try {
      const onReplace = (): void => registration.#onReplace();
      registration.#server = await StandingServer.start({ ...options, path: registration.#path, services, onReplace });
    } catch (error) {
      registration.#renewal?.cancel();
      throw error;
    }
    if (registration.#isRenewalDue) registration.#renew();
    return registration;
  }

  /** Throws why the kubelet does not know the driver. */
  check(): void {
    this.#server?.check();
    if (this.#state.kind === 'pending') throw new OpError('REGISTRATION_PENDING', { path: this.#path });
    if (this.#state.kind === 'refused') throw new OpError('REGISTRATION_REFUSED', { reason: this.#state.reason });
  }

  /** Takes the file away, unless it is a successor's, and with it the registration. */
  async stop(limitMs: number): Promise<void> {
    this.#renewal?.cancel();
    await this.#server?.stop(limitMs);
    this.#renewal?.cancel();
  }

  #handlers(): Handlers<RegistrationService> {
    return {
      getInfo: async () => ({
        type: 'CSIPlugin',
        name: driverName,
        endpoint: this.#options.endpoint,
        supportedVersions,
      }),
      notifyRegistrationStatus: async ({ pluginRegistered, error }) => {
        if (pluginRegistered) this.#onRegistered();
        else this.#onRefused(oneLine(error));
        return {};
      },
    };
  }

  #onRegistered(): void {
    this.#renewal?.cancel();
    this.#refusals = 0;
    this.#state = { kind: 'registered' };
    this.#options.log.info('registered', { path: this.#path, endpoint: this.#options.endpoint });
    this.#options.metrics?.counter('holdfast_csi_registrations_total').add({ outcome: 'registered' });
  }

  #onRefused(reason: string): void {
    const { log, metrics, random, refusalBackoff = refusalBackoffDefault } = this.#options;
    this.#refusals += 1;
    this.#state = { kind: 'refused', reason };
    const delayMs = Math.round(backoffDelayMs(refusalBackoff, this.#refusals, random));
    log.error('registration refused', {
      error: new OpError('REGISTRATION_REFUSED', { reason }),
      next_attempt: formatDuration(delayMs),
    });
    metrics?.counter('holdfast_csi_registrations_total').add({ outcome: 'refused' });
    this.#renewAfter(delayMs);
  }

  #onReplace(): void {
    // The reason of a refusal stays until there is another word.
    if (this.#state.kind === 'registered') this.#state = { kind: 'pending' };
    this.#expectAnswer();
  }

  #expectAnswer(): void {
    this.#renewAfter(this.#options.answerLimitMs ?? answerLimitMsDefault);
  }

  #renew(): void {
    this.#isRenewalDue = this.#server === null;
    this.#server?.renew();
  }

  #renewAfter(delayMs: number): void {
    this.#renewal?.cancel();
    this.#renewal = this.#options.timers.after(delayMs, () => this.#renew());
  }
}

export function registrationPath(directory: string): string {
  return join(directory, `${driverName}-reg.sock`);
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim().slice(0, reasonLimitChars);
  return line === '' ? 'it gave no reason' : line;
}
