// Certificates: whom the reader trusts, how it introduces itself, and that a handshake is paid once.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPrometheusReader } from '../../../src/adapters/prometheus/reader.ts';
import type { PrometheusReader, PrometheusReaderOptions } from '../../../src/adapters/prometheus/reader.ts';
import { makeCertificates } from '../../fixtures/certificates.ts';
import { startFakePrometheus } from '../../fakes/prometheus/server.ts';
import type { FakePrometheus } from '../../fakes/prometheus/server.ts';

const NOW = 1_700_000_000_000;
const TARGET = { namespace: 'shop', timeoutMs: 5_000 };
const { ca, server, client } = makeCertificates();

let prometheus: FakePrometheus;
let secret: Record<string, string>;
const readers: PrometheusReader[] = [];

function open(options: Partial<PrometheusReaderOptions> = {}): PrometheusReader {
  const reader = createPrometheusReader({
    operatorUrl: prometheus.url,
    allow: [],
    allowQueries: false,
    readSecret: () => Promise.resolve(secret),
    ...options,
  });
  readers.push(reader);
  return reader;
}

beforeEach(async () => {
  const tls = { ...server, ca, requestCert: true, rejectUnauthorized: false };
  prometheus = await startFakePrometheus({ scrapeIntervalMs: 1_000, now: () => NOW, tls });
  secret = {};
});

afterEach(async () => {
  for (const reader of readers.splice(0)) reader.close();
  await prometheus.close();
});

test('a certificate of an unknown authority is refused at once, and the message says so', async () => {
  expect(await open().query(TARGET, 'up', NOW)).toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/cannot be reached: .*certificate/),
  });
  expect(prometheus.received).toEqual([]);
});

test('the authority of the operator’s file is trusted, over one connection for all queries', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'glidepath-tls-'));
  const caFile = join(folder, 'ca.crt');
  writeFileSync(caFile, ca);
  const reader = open({ caFile });
  for (let turn = 0; turn < 5; turn += 1) expect(await reader.query(TARGET, 'up', NOW)).toMatchObject({ ok: true });
  expect(prometheus.connections()).toBe(1);
  rmSync(folder, { recursive: true });
});

test('the authority of a release’s Secret is trusted for that release only', async () => {
  secret = { 'ca.crt': ca };
  const reader = open();
  expect(await reader.query({ ...TARGET, secretName: 'prom' }, 'up', NOW)).toMatchObject({ ok: true });
  expect(await reader.query(TARGET, 'up', NOW)).toMatchObject({ kind: 'unavailable' });
});

test('a client certificate is shown where the server demands one', async () => {
  await prometheus.close();
  const tls = { ...server, ca, requestCert: true, rejectUnauthorized: true };
  prometheus = await startFakePrometheus({ scrapeIntervalMs: 1_000, now: () => NOW, tls });
  secret = { 'ca.crt': ca };
  expect(await open().query({ ...TARGET, secretName: 'prom' }, 'up', NOW)).toMatchObject({ kind: 'unavailable' });
  secret = { 'ca.crt': ca, 'tls.crt': client.cert, 'tls.key': client.key };
  expect(await open().query({ ...TARGET, secretName: 'prom' }, 'up', NOW)).toMatchObject({ ok: true });
});

test('a client certificate that cannot be read is named by its keys, not by what OpenSSL says', async () => {
  secret = { 'ca.crt': ca, 'tls.crt': client.cert, 'tls.key': 'no PEM' };
  expect(await open().query({ ...TARGET, secretName: 'prom' }, 'up', NOW)).toEqual({
    ok: false,
    kind: 'unavailable',
    message: `Prometheus at ${prometheus.url} cannot be queried: ca.crt, tls.crt or tls.key is not valid PEM`,
  });
  expect(prometheus.received).toEqual([]);
});
