// Creates self-signed certificates for the webhook, so that there is no authority whose key could be lost. Node signs and reads
// back; only the encoding in between is written here (RFC 5280).

import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { GlidepathError } from '../../api/errors.ts';
import type { CertificateMaker, ServingCertificate } from '../../ports/hold.ts';
import { bitString, context, integer, objectIdentifier, octetString, sequence, setOf, time, trueValue, utf8String } from './der.ts';

const DAY_MS = 86_400_000;
const LIFETIME_MS = 90 * DAY_MS;
/** Clocks of API servers may be behind ours. */
const CLOCK_SLACK_MS = 3_600_000;
const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectAltName: '2.5.29.17',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;
const DNS_NAME = 2;
const IP_ADDRESS = 7;
/** The first bit alone: digitalSignature. */
const DIGITAL_SIGNATURE = bitString(Buffer.from([0x80]), 7);

/** @param hosts DNS names and IP addresses of the certificate; at least one */
export function createCertificateMaker(hosts: readonly string[]): CertificateMaker {
  return {
    make: (nowMs, previous) => {
      const made = makeCertificate(hosts, nowMs);
      return { ...made, authorities: `${made.cert}${previous === undefined ? '' : stillTrusted(previous, nowMs)}` };
    },
    isGood: (certificate, nowMs) => isGood(certificate, hosts, nowMs),
  };
}

/** The parsed certificate; undefined if it is none or too old. */
function stillTrusted({ cert }: ServingCertificate, nowMs: number): string {
  try {
    const read = new X509Certificate(cert);
    return read.validToDate.getTime() > nowMs ? read.toString() : '';
  } catch {
    return '';
  }
}

function makeCertificate(hosts: readonly string[], nowMs: number): Pick<ServingCertificate, 'cert' | 'key'> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(objectIdentifier(OID.ecdsaWithSha256));
  const body = buildBody(hosts, nowMs, algorithm, publicKey);
  const der = sequence(body, algorithm, bitString(sign('sha256', body, privateKey)));
  const read = new X509Certificate(der);
  // An encoding error must show here, not in the log of the API server.
  if (!read.verify(publicKey) || !hosts.every((host) => bears(read, host)))
    throw new GlidepathError('GLIDEPATH_E_CERTIFICATE', `the certificate for ${hosts.join(', ')} cannot be verified`);
  return { cert: read.toString(), key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

function buildBody(hosts: readonly string[], nowMs: number, algorithm: Buffer, publicKey: KeyObject): Buffer {
  const name = sequence(setOf(sequence(objectIdentifier(OID.commonName), utf8String('glidepath webhook'))));
  const extensions = sequence(
    extension(OID.basicConstraints, true, sequence()),
    extension(OID.keyUsage, true, DIGITAL_SIGNATURE),
    extension(OID.extendedKeyUsage, false, sequence(objectIdentifier(OID.serverAuth))),
    extension(OID.subjectAltName, false, sequence(...hosts.map(alternativeName))),
  );
  return sequence(
    context(0, false, integer(Buffer.from([2]))),
    integer(randomBytes(16)),
    algorithm,
    name,
    sequence(time(nowMs - CLOCK_SLACK_MS), time(nowMs + LIFETIME_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    context(3, false, extensions),
  );
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectIdentifier(oid), ...(critical ? [trueValue()] : []), octetString(value));
}

function alternativeName(host: string): Buffer {
  return isIP(host) === 0 ? context(DNS_NAME, true, Buffer.from(host)) : context(IP_ADDRESS, true, addressBytes(host));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // URL writes the shortest form: at most one gap, no dots.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const gap = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return Buffer.from([...before, ...gap, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}

function bears(certificate: X509Certificate, host: string): boolean {
  return (isIP(host) === 0 ? certificate.checkHost(host, { subject: 'never' }) : certificate.checkIP(host)) !== undefined;
}

function isGood({ cert, key }: ServingCertificate, hosts: readonly string[], nowMs: number): boolean {
  try {
    const read = new X509Certificate(cert);
    const [from, until] = [read.validFromDate.getTime(), read.validToDate.getTime()];
    const isYoung = nowMs >= from && nowMs < from + ((until - from) * 2) / 3;
    return isYoung && read.checkPrivateKey(createPrivateKey(key)) && hosts.every((host) => bears(read, host));
  } catch {
    // Not a certificate, or not a key: a new one is created.
    return false;
  }
}
