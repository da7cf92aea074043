// The certificate that somebody else keeps in a folder, such as a Secret of cert-manager that is mounted. Read anew each time:
// who mounts replaces the files.

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
