import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createCertificateMaker } from '../../../../src/adapters/certificates/self-signed.ts';

const NOW = Date.UTC(2030, 0, 1);
const DAY_MS = 86_400_000;
const NAME = 'glidepath-webhook.glidepath-system.svc';
const folder = mkdtempSync(join(tmpdir(), 'glidepath-self-signed-'));

afterAll(() => rmSync(folder, { recursive: true }));

/** What openssl says of a certificate that is its own authority, at a time. */
function verify(cert: string, atMs: number): string {
  const file = join(folder, 'cert.pem');
  writeFileSync(file, cert);
  const args = ['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', NAME, '-attime', String(atMs / 1_000)];
  return execFileSync('openssl', [...args, '-CAfile', file, file], { encoding: 'utf8', stdio: 'pipe' });
}

describe('a certificate that the operator makes', () => {
  const maker = createCertificateMaker([NAME, '127.0.0.1', 'fd00::12:1']);
  const made = maker.make(NOW);
  const read = new X509Certificate(made.cert);

  test('a certificate that the operator makes passes the strict checks of openssl, for the name of the Service, for 90 days', () => {
    expect(verify(made.cert, NOW)).toMatch(/: OK\n$/);
    expect(verify(made.cert, NOW + 89 * DAY_MS)).toMatch(/: OK\n$/);
    expect(() => verify(made.cert, NOW + 91 * DAY_MS)).toThrow(/expired/);
  });

  test('a certificate that the operator makes is its own authority and no one else’s', () => {
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.ca).toBe(false);
    expect(made.authorities).toBe(made.cert);
  });

  test('bears names and addresses', () => {
    expect(read.subjectAltName).toBe(`DNS:${NAME}, IP Address:127.0.0.1, IP Address:FD00:0:0:0:0:0:12:1`);
    expect(read.checkHost('elsewhere.svc')).toBeUndefined();
  });

  test('a certificate that the operator makes is another one each time', () => {
    expect(maker.make(NOW).cert).not.toBe(made.cert);
    expect(new X509Certificate(maker.make(NOW).cert).serialNumber).not.toBe(read.serialNumber);
  });

  test('a certificate that the operator makes beyond 2049 has its times written with four digits', () => {
    const late = Date.UTC(2049, 11, 1);
    expect(new X509Certificate(maker.make(late).cert).validToDate.getUTCFullYear()).toBe(2050);
    expect(new X509Certificate(maker.make(late).cert).validFromDate.getUTCFullYear()).toBe(2049);
  });

  test('a certificate that the operator makes is good for two thirds of its life', () => {
    expect([0, 59, 61, 91, -1].map((days) => maker.isGood(made, NOW + days * DAY_MS))).toEqual([true, true, false, false, false]);
  });

  test('a certificate that the operator makes is not good with another key, for other names, or when it is none', () => {
    const other = maker.make(NOW);
    expect(maker.isGood({ ...made, key: other.key }, NOW)).toBe(false);
    expect(createCertificateMaker(['hold.example.org']).isGood(made, NOW)).toBe(false);
    expect(maker.isGood({ ...made, cert: 'none' }, NOW)).toBe(false);
    expect(maker.isGood({ ...made, key: '' }, NOW)).toBe(false);
  });

  test('a certificate that follows another is trusted beside it, as long as that is one and valid', () => {
    const next = maker.make(NOW + 60 * DAY_MS, made);
    expect(next.authorities).toBe(`${next.cert}${made.cert}`);
    const late = maker.make(NOW + 100 * DAY_MS, made);
    expect(late.authorities).toBe(late.cert);
    const repaired = maker.make(NOW, { ...made, cert: 'broken' });
    expect(repaired.authorities).toBe(repaired.cert);
  });
});
