import { describe, expect, test } from 'vitest';
import { NarrowingReader } from '../../../../src/adapters/prometheus/narrowing.ts';
import type { MetricsAnswer, MetricsReader, MetricsTarget } from '../../../../src/ports/metrics.ts';
import { needs } from '../../../fixtures/needs.ts';
import { checkExpressions, isInstalled } from '../../../fixtures/prometheus-binary.ts';

const TARGET: MetricsTarget = { namespace: 'shop', timeoutMs: 1_000 };
const AT = 1_893_456_000_000;
const SELECTOR = 'istio_request_duration_milliseconds_bucket{reporter="source",destination_service_name="web"}';
const LABELS = 'instance,pod,le,prometheus_replica,__replica__,replica,thanos_replica,receive_replica,rule_replica,prometheus';
const SMALL: MetricsAnswer = { ok: true, series: [], warnings: [] };
const TOO_LARGE: MetricsAnswer = { ok: false, kind: 'tooLarge', message: 'answered with more than 8 MiB' };

function aReader(answer: (query: string) => MetricsAnswer) {
  const asked: string[] = [];
  const inner: MetricsReader = {
    matchers: { cluster: 'eu-1' },
    query: (_target, query) => {
      asked.push(query);
      return Promise.resolve(answer(query));
    },
    refusal: () => ({ reason: 'QueryNotAllowed', message: 'no' }),
  };
  return { asked, reader: new NarrowingReader(inner) };
}

describe('a histogram that is too large', () => {
  test('a large histogram is asked for without the labels that are not read, and from then on at once', async () => {
    const { asked, reader } = aReader((query) => (query.startsWith('sum by') ? SMALL : TOO_LARGE));
    expect(await reader.query(TARGET, `${SELECTOR}[4m]`, AT)).toBe(SMALL);
    expect(await reader.query(TARGET, `${SELECTOR}[3m]`, AT + 10_000)).toBe(SMALL);
    const narrow = (range: string) => `sum by (${LABELS}) (${SELECTOR})[${range}:5s]`;
    expect(asked).toEqual([`${SELECTOR}[4m]`, narrow('4m'), narrow('3m')]);
  });

  test('a large histogram of one Prometheus says nothing of that of another', async () => {
    const { asked, reader } = aReader((query) => (query.startsWith('sum by') ? SMALL : TOO_LARGE));
    await reader.query(TARGET, `${SELECTOR}[4m]`, AT);
    await reader.query({ ...TARGET, url: 'http://other:9090' }, `${SELECTOR}[4m]`, AT + 10_000);
    await reader.query({ ...TARGET, secretName: 'own' }, `${SELECTOR}[4m]`, AT + 10_000);
    expect(asked.filter((query) => query === `${SELECTOR}[4m]`)).toHaveLength(3);
  });

  test('after an hour it is tried as it is again', async () => {
    const { asked, reader } = aReader((query) => (query.startsWith('sum by') ? SMALL : TOO_LARGE));
    await reader.query(TARGET, `${SELECTOR}[4m]`, AT);
    await reader.query(TARGET, `${SELECTOR}[4m]`, AT + 3_600_000);
    expect(asked.filter((query) => query === `${SELECTOR}[4m]`)).toHaveLength(2);
  });

  test('a long range has longer steps', async () => {
    const { asked, reader } = aReader((query) => (query.startsWith('sum by') ? SMALL : TOO_LARGE));
    await reader.query(TARGET, `${SELECTOR}[32m]`, AT);
    await reader.query(TARGET, `${SELECTOR}[3h]`, AT);
    expect(asked[1]).toContain('[32m:1m]');
    expect(asked[2]).toContain('[3h:3m]');
  });

  test('a label with several values is kept, because the answer is split by it', async () => {
    const { asked, reader } = aReader(() => TOO_LARGE);
    expect(await reader.query(TARGET, 'x_bucket{envoy_cluster_name=~"a|b"}[4m]', AT)).toBe(TOO_LARGE);
    expect(asked[1]).toBe(`sum by (${LABELS},envoy_cluster_name) (x_bucket{envoy_cluster_name=~"a|b"})[4m:5s]`);
  });

  test('what is no histogram, or fails otherwise, is asked as it is', async () => {
    const away: MetricsAnswer = { ok: false, kind: 'unavailable', message: 'refused' };
    const { asked, reader } = aReader((query) => (query.includes('bucket') ? away : TOO_LARGE));
    expect(await reader.query(TARGET, 'requests_total{a="b"}[4m]', AT)).toBe(TOO_LARGE);
    expect(await reader.query(TARGET, `${SELECTOR}[4m]`, AT)).toBe(away);
    expect(asked).toHaveLength(2);
    expect(reader.matchers).toEqual({ cluster: 'eu-1' });
    expect(reader.refusal(TARGET, true)?.reason).toBe('QueryNotAllowed');
  });

  test.runIf(isInstalled('promtool'))('promtool accepts the smaller form', needs('the program promtool on the PATH'), async () => {
    const { asked, reader } = aReader((query) => (query.startsWith('sum by') ? SMALL : TOO_LARGE));
    await reader.query(TARGET, `${SELECTOR}[4m]`, AT);
    expect(checkExpressions([`max_over_time(${asked[1]})`])).toBeUndefined();
  });
});
