// The certificate in a folder that another tool maintains, such as a mounted Secret of cert-manager. Read again each time, because
// the files are replaced.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GlidepathError, messageOf } from '../../api/errors.ts';
import type { CertificateStore } from '../../ports/hold.ts';

/** Reads `tls.crt`, `tls.key` and `ca.crt`. */
export function createCertificateFolder(folder: string): CertificateStore {
  return {
    read: async () => {
      try {
        const [cert = '', key = '', authorities = ''] = await Promise.all(
          ['tls.crt', 'tls.key', 'ca.crt'].map((name) => readFile(join(folder, name), 'utf8')),
        );
        return { cert, key, authorities };
      } catch (cause) {
        throw new GlidepathError(
          'GLIDEPATH_E_CERTIFICATE',
          `the certificate of the webhook cannot be read (${messageOf(cause)}); --webhook-cert-dir needs tls.crt, tls.key and ca.crt`,
          { cause, retryable: true },
        );
      }
    },
  };
}
