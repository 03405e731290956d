// The Certificates service: renews the caller's certificate. Who the caller is, and under which hosts it is reached, comes from
// the certificate that it called with; the request holds nothing but a key.
import { invariant } from '@holdfast/base';
import type { certificatesService } from '../generated/metadata-services.ts';
import type { Authority } from '../pki/authority.ts';
import type { Handlers } from '../server/handlers.ts';
import { toTimestamp } from './status.ts';

export interface CertificatesOptions {
  readonly authority: Authority;
  /** How long a renewed certificate lives. */
  readonly lifeMs: number;
}

export function certificatesHandlers(options: CertificatesOptions): Handlers<typeof certificatesService> {
  return {
    renew: async (request, { caller }) => {
      // The access table lets only holders of certificates call this.
      invariant(caller.kind === 'certificate', 'whoever renews a certificate has one');
      const { identity, certificate } = caller;
      const signed = await options.authority.sign(request.csrDer, {
        identity,
        hosts: certificate.hosts,
        predecessor: certificate.serial,
        lifeMs: options.lifeMs,
      });
      return { certificateChainPem: signed.certificatePem, notAfter: toTimestamp(signed.notAfterMs) };
    },
  };
}
