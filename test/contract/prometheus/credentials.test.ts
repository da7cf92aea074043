// Whose credentials go where, and that none of them comes back out.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPrometheusReader } from '../../../src/adapters/prometheus/reader.ts';
import type { PrometheusReader, PrometheusReaderOptions } from '../../../src/adapters/prometheus/reader.ts';
import { startFakePrometheus } from '../../fakes/prometheus/server.ts';
import type { FakePrometheus } from '../../fakes/prometheus/server.ts';

const NOW = 1_700_000_000_000;
const TARGET = { namespace: 'shop', timeoutMs: 5_000 };
const folder = mkdtempSync(join(tmpdir(), 'glidepath-credentials-'));
const tokenFile = join(folder, 'token');

let operators: FakePrometheus;
let others: FakePrometheus;
let reader: PrometheusReader;
let secrets: Record<string, Record<string, string>>;
let reads: string[];
let now: number;

function open(options: Partial<PrometheusReaderOptions> = {}): PrometheusReader {
  return createPrometheusReader({
    operatorUrl: operators.url,
    allow: [others.url],
    allowQueries: false,
    operatorTokenFile: tokenFile,
    operatorHeaders: { 'X-Scope-OrgID': 'operators-tenant' },
    readSecret: (namespace, name) => {
      reads.push(`${namespace}/${name}`);
      const secret = secrets[`${namespace}/${name}`];
      return secret === undefined ? Promise.reject(new Error('hunter2 not found')) : Promise.resolve(secret);
    },
    now: () => now,
    ...options,
  });
}

beforeEach(async () => {
  writeFileSync(tokenFile, 'operators-token\n');
  operators = await startFakePrometheus({ scrapeIntervalMs: 1_000, now: () => NOW });
  others = await startFakePrometheus({ scrapeIntervalMs: 1_000, now: () => NOW });
  secrets = {};
  reads = [];
  now = NOW;
  reader = open();
});

afterEach(async () => {
  reader.close();
  await operators.close();
  await others.close();
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('the operator’s credentials', () => {
  test('headers of a file go to the operator’s address, and a file that cannot be used is named without its values', async () => {
    const operatorHeadersFile = join(folder, 'headers.json');
    writeFileSync(operatorHeadersFile, '{"X-Scope-OrgID":"shop","X-More":"1"}');
    reader.close();
    reader = open({ operatorHeadersFile });
    expect(await reader.query(TARGET, 'up', NOW)).toMatchObject({ ok: true });
    expect(operators.received.at(-1)?.headers).toMatchObject({ 'x-more': '1', authorization: 'Bearer operators-token' });
    writeFileSync(operatorHeadersFile, 'hunter2');
    reader.close();
    reader = open({ operatorHeadersFile });
    const broken = await reader.query(TARGET, 'up', NOW);
    expect(broken).toMatchObject({ kind: 'unavailable', message: expect.stringContaining(operatorHeadersFile) });
    expect(JSON.stringify(broken)).not.toContain('hunter2');
  });

  test('the operator’s credentials go to the operator’s address', async () => {
    expect(await reader.query(TARGET, 'up', NOW)).toMatchObject({ ok: true });
    expect(operators.received[0]?.headers).toMatchObject({
      authorization: 'Bearer operators-token',
      'x-scope-orgid': 'operators-tenant',
    });
  });

  test('the operator’s credentials go there too when a release spells out that very address', async () => {
    await reader.query({ ...TARGET, url: `${operators.url}/` }, 'up', NOW);
    expect(operators.received[0]?.headers.authorization).toBe('Bearer operators-token');
  });

  test('the operator’s credentials go to no other address, with or without a Secret', async () => {
    secrets['shop/prom'] = { token: 'shops-token' };
    await reader.query({ ...TARGET, url: others.url }, 'up', NOW);
    await reader.query({ ...TARGET, url: others.url, secretName: 'prom' }, 'up', NOW);
    expect(others.received.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer shops-token']);
    expect(JSON.stringify(others.received)).not.toContain('operators-');
  });

  test('the operator’s credentials stay behind when a release brings its own to the operator’s address', async () => {
    secrets['shop/prom'] = { username: 'shop', password: 'pass:word' };
    await reader.query({ ...TARGET, secretName: 'prom' }, 'up', NOW);
    expect(operators.received[0]?.headers.authorization).toBe(`Basic ${btoa('shop:pass:word')}`);
    expect(JSON.stringify(operators.received)).not.toContain('operators-');
  });

  test('the operator’s credentials are not sent anywhere when the address is not on the allow-list', async () => {
    await others.close();
    const foreign = await startFakePrometheus({ scrapeIntervalMs: 1_000, now: () => NOW });
    const answer = await reader.query({ ...TARGET, url: foreign.url }, 'up', NOW);
    expect(answer).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('--prometheus-allow') });
    expect(foreign.connections()).toBe(0);
    await foreign.close();
  });
});

describe('credentials of a Secret', () => {
  test.each([
    ['header-name and header-value', { 'header-name': 'X-Api-Key', 'header-value': 'k-1' }, { 'x-api-key': 'k-1' }],
    ['headers', { headers: '{"X-Scope-OrgID":"shop","X-Api-Key":"k-2"}' }, { 'x-scope-orgid': 'shop', 'x-api-key': 'k-2' }],
    ['token and headers', { token: 't-1\n', headers: '{"X-A":"b"}' }, { authorization: 'Bearer t-1', 'x-a': 'b' }],
  ])('credentials of a Secret may be %s', async (_, secret, headers) => {
    secrets['shop/prom'] = secret;
    expect(await reader.query({ ...TARGET, secretName: 'prom' }, 'up', NOW)).toMatchObject({ ok: true });
    expect(operators.received[0]?.headers).toMatchObject(headers);
  });

  test('credentials of a Secret are read once a minute', async () => {
    secrets['shop/prom'] = { token: 'first' };
    const target = { ...TARGET, secretName: 'prom' };
    await reader.query(target, 'up', NOW);
    now += 59_999;
    await reader.query(target, 'up', NOW);
    expect(reads).toEqual(['shop/prom']);
    now += 1;
    await reader.query(target, 'up', NOW);
    expect(reads).toEqual(['shop/prom', 'shop/prom']);
  });

  test('credentials of a Secret are read again at once when they are refused, and then not before the minute is over', async () => {
    secrets['shop/prom'] = { token: 'old' };
    const target = { ...TARGET, secretName: 'prom' };
    await reader.query(target, 'up', NOW);
    secrets['shop/prom'] = { token: 'new' };
    operators.requireAuthorization('Bearer new');
    expect(await reader.query(target, 'up', NOW)).toMatchObject({ ok: true });
    expect(reads).toHaveLength(2);
    operators.requireAuthorization('Bearer never');
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await reader.query(target, 'up', NOW)).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('401') });
    }
    expect(reads).toHaveLength(3);
  });

  test('credentials of a Secret of two namespaces are two', async () => {
    secrets['shop/prom'] = { token: 'shops' };
    secrets['bank/prom'] = { token: 'banks' };
    for (const namespace of ['shop', 'bank', 'shop']) {
      await reader.query({ ...TARGET, namespace, secretName: 'prom' }, 'up', NOW);
    }
    expect(operators.received.map(({ headers }) => headers.authorization)).toEqual(['Bearer shops', 'Bearer banks', 'Bearer shops']);
  });

  test('credentials that are not there are reported by name, without the words of the reading', async () => {
    expect(await reader.query({ ...TARGET, secretName: 'prom' }, 'up', NOW)).toEqual({
      ok: false,
      kind: 'unavailable',
      message: 'Secret shop/prom cannot be read: not found, or the operator may not read it',
    });
    secrets['shop/prom'] = { token: 'now-there' };
    expect(await reader.query({ ...TARGET, secretName: 'prom' }, 'up', NOW)).toMatchObject({ ok: true });
  });

  test('credentials of a Secret that take too long to read do not outlast the deadline', async () => {
    reader.close();
    reader = open({ readSecret: () => new Promise(() => undefined) });
    const answer = await reader.query({ ...TARGET, timeoutMs: 20, secretName: 'prom' }, 'up', NOW);
    expect(answer).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('could not be read in time') });
  });
});

describe('secret values', () => {
  test.each([
    ['a token', { token: 'hunter2-token' }],
    ['a password', { username: 'shop', password: 'hunter2-password' }],
    ['a header', { headers: '{"X-Scope-OrgID":"hunter2-tenant"}' }],
    ['a token that no header carries', { token: 'hunter2\u0000' }],
    ['a list of headers that is no JSON', { headers: '{"X-A": hunter2}' }],
    ['a key that is no key', { token: 'abcd', 'tls.crt': 'hunter2', 'tls.key': 'hunter2' }],
  ])('(%s) are in no message, not even when Prometheus repeats them', async (_, secret) => {
    secrets['shop/prom'] = secret;
    operators.fail('echo');
    const answer = await reader.query({ ...TARGET, secretName: 'prom' }, 'up', NOW);
    expect(answer.ok).toBe(false);
    expect(JSON.stringify(answer)).not.toContain('hunter2');
    expect(JSON.stringify(answer)).not.toContain(btoa('shop:hunter2-password'));
  });
});
