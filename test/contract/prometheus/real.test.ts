// The reader and the sources' queries against the real thing, where it is installed.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readLabelValues } from '../../../src/adapters/prometheus/label-values.ts';
import { createPrometheusReader } from '../../../src/adapters/prometheus/reader.ts';
import type { PrometheusReader } from '../../../src/adapters/prometheus/reader.ts';
import type { Series } from '../../../src/ports/metrics.ts';
import { SOURCES } from '../../../src/sources/catalogue.ts';
import { checkExpressions, isInstalled, startPrometheus } from '../../fixtures/prometheus-binary.ts';
import { needs } from '../../fixtures/needs.ts';

const TARGET = { namespace: 'shop', timeoutMs: 5_000 };

describe.runIf(isInstalled('prometheus'))('a real Prometheus', needs('the program prometheus on the PATH'), () => {
  const scrapedAt: number[] = [];
  const target = createServer((_, response) => {
    scrapedAt.push(Date.now());
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(`requests_total{code="200"} ${scrapedAt.length}\n`);
  });
  let prometheus: Awaited<ReturnType<typeof startPrometheus>>;
  let reader: PrometheusReader;

  beforeAll(async () => {
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    prometheus = await startPrometheus(`127.0.0.1:${(target.address() as AddressInfo).port}`);
    reader = createPrometheusReader({
      operatorUrl: prometheus.url,
      allow: [],
      allowQueries: true,
      readSecret: () => Promise.reject(new Error('no Secret in these tests')),
    });
    await vi.waitFor(async () => expect(await reader.query(TARGET, '1', Date.now())).toMatchObject({ ok: true }), {
      timeout: 20_000,
    });
  }, 30_000);

  afterAll(async () => {
    reader.close();
    await prometheus.close();
    target.closeAllConnections();
    target.close();
  });

  async function ask(query: string): Promise<readonly Series[]> {
    const answer = await reader.query(TARGET, query, Date.now());
    if (!answer.ok) throw new Error(answer.message);
    return answer.series;
  }

  test('a real Prometheus gives every scrape as a raw sample at the time of the scrape', async () => {
    const samples = await vi.waitFor(
      async () => {
        const found = (await ask('requests_total{code="200"}[1m]'))[0]?.samples ?? [];
        expect(found.length).toBeGreaterThanOrEqual(3);
        return found;
      },
      { timeout: 20_000 },
    );
    expect(samples.map(({ value }) => value)).toEqual(samples.map((_, index) => index + 1));
    for (const [index, { atMs }] of samples.entries()) {
      // Prometheus may move a sample by 2 ms onto its grid.
      expect(atMs).toBeLessThanOrEqual((scrapedAt[index] ?? 0) + 2);
    }
  }, 30_000);

  test('a real Prometheus gives infinities, NaN and scalars as they are', async () => {
    const values = async (query: string) => (await ask(query)).flatMap(({ samples }) => samples.map(({ value }) => value));
    expect(await values('vector(1) / 0')).toEqual([Number.POSITIVE_INFINITY]);
    expect(await values('-1 / vector(0)')).toEqual([Number.NEGATIVE_INFINITY]);
    expect(await values('vector(0) / 0')).toEqual([Number.NaN]);
    expect(await values('4.5')).toEqual([4.5]);
    expect(await values('vector(1) > 2')).toEqual([]);
  });

  test('a real Prometheus gives the values of a label', async () => {
    const question = { label: 'code', selector: 'requests_total', fromMs: Date.now() - 600_000, toMs: Date.now(), timeoutMs: 5_000 };
    expect(
      await vi.waitFor(
        async () => {
          const values = await readLabelValues(prometheus.url, question);
          expect(values).not.toEqual([]);
          return values;
        },
        { timeout: 20_000 },
      ),
    ).toEqual(['200']);
  }, 30_000);

  test('a real Prometheus says that a wrong query is wrong', async () => {
    for (const query of ['sum(', 'requests_total[', 'nothing_at_all()']) {
      expect(await reader.query(TARGET, query, Date.now())).toMatchObject({ ok: false, kind: 'badQuery' });
    }
  });
});

describe.runIf(isInstalled('promtool'))('promtool', needs('the program promtool on the PATH'), () => {
  const route = { namespace: 'shop', name: 'store', ruleIndex: 0, backendIndex: 1 };
  const workload = { name: 'store.api-v2', templateHashes: ['5f6d8b7c9', '77bbcdd4f9'] };
  const names = ['store-api', 'we"ird\\na.me+{}[]'];

  test('promtool accepts every query of every source, whatever the names', () => {
    const selectors = SOURCES.flatMap((source) =>
      names.flatMap((service) =>
        (['HTTPRoute', 'GRPCRoute'] as const).flatMap((kind) => {
          const backend = { namespace: 'shop', service, port: 80, route: { ...route, kind } };
          const identities = source.name === 'IstioWaypoint' ? [{ ...backend, workload }] : [backend, { ...backend, workload }];
          return identities.flatMap((identity) => [
            source.requests(identity, 61_500),
            ...(source.latency === undefined ? [] : [source.latency(identity, 3_600_000).query]),
          ]);
        }),
      ),
    );
    expect(selectors.length).toBeGreaterThan(100);
    expect(checkExpressions([...new Set(selectors)].map((selector) => `count_over_time(${selector})`))).toBeUndefined();
  });

  test('promtool would say so if a query were wrong', () => {
    expect(checkExpressions(['count_over_time(up{pod=~"("}[1m])'])).toMatch(/error/);
  });
});
