// A client of one metadata server over one connection, as another process of the cluster would hold it open.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { invariant, RealClock, RealRandom, RealTimers } from '@holdfast/base';
import {
  certificateFilesIn,
  CertificateKeeper,
  createChannel,
  FileCertificateStore,
  loadMetadataServices,
  parseCertificates,
  quietLog,
  type CertificateInfo,
  type StatusResponse,
} from '@holdfast/rpc';

const callLimitMs = 5000;

export interface StatusClient {
  ask(): Promise<StatusResponse>;
  /** Asks for a certificate with bytes that are no signing request. */
  renew(): Promise<unknown>;
  close(): Promise<void>;
}

export async function openStatus(address: string, identityFolder: string): Promise<StatusClient> {
  const [clock, timers, random] = [new RealClock(), new RealTimers(), new RealRandom()];
  const store = new FileCertificateStore(certificateFilesIn(identityFolder));
  const parts = { clock, timers, random, log: quietLog, metrics: null };
  const keeper = await CertificateKeeper.open({ ...parts, store });
  const channel = await createChannel({ ...parts, address, keeper });
  const { certificatesService, statusService } = await loadMetadataServices();
  return {
    ask: async () => channel.calls(statusService).get({}, { timeoutMs: callLimitMs }),
    renew: async () =>
      channel.calls(certificatesService).renew({ csrDer: new Uint8Array() }, { timeoutMs: callLimitMs }),
    close: async () => {
      channel.close();
      await keeper.stop();
    },
  };
}

/** The certificate of an identity as it lies in its folder. */
export async function certificateIn(folder: string): Promise<CertificateInfo> {
  const path = join(folder, 'identity.pem');
  const [certificate] = parseCertificates(await readFile(path, 'utf8'), path);
  invariant(certificate !== undefined, 'a parsed PEM holds a certificate');
  return certificate;
}
