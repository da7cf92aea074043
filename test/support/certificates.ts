// A certificate authority, a server and a client certificate for 127.0.0.1, made by openssl for one test run.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** PEM texts. */
export interface TestCertificates {
  readonly ca: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
}

/** @throws when there is no openssl. */
export function makeCertificates(): TestCertificates {
  const folder = mkdtempSync(join(tmpdir(), 'glidepath-certificates-'));
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { stdio: 'pipe' });
  };
  const read = (name: string): string => readFileSync(path(name), 'utf8');
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  try {
    openssl('req', '-x509', ...newKey, '-keyout', path('ca.key'), '-out', path('ca.crt'), '-days', '2', '-subj', '/CN=test authority');
    writeFileSync(path('extensions'), 'subjectAltName=IP:127.0.0.1\n');
    for (const name of ['server', 'client']) {
      openssl('req', ...newKey, '-keyout', path(`${name}.key`), '-out', path(`${name}.csr`), '-subj', `/CN=${name}`);
      const authority = ['-CA', path('ca.crt'), '-CAkey', path('ca.key'), '-CAcreateserial'];
      openssl(
        'x509',
        '-req',
        '-in',
        path(`${name}.csr`),
        ...authority,
        '-days',
        '2',
        '-extfile',
        path('extensions'),
        '-out',
        path(`${name}.crt`),
      );
    }
    const pair = (name: string) => ({ cert: read(`${name}.crt`), key: read(`${name}.key`) });
    return { ca: read('ca.crt'), server: pair('server'), client: pair('client') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
