// Values of a label by the client library, within the same bounds as every other question to Prometheus.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readLabelValues } from '../../../src/adapters/prometheus/label-values.ts';
import { type FakePrometheus, startFakePrometheus } from '../../fakes/prometheus/server.ts';

const NOW = 1_700_000_000_000;
const QUESTION = { label: 'service', selector: 'requests_total', fromMs: NOW - 600_000, toMs: NOW, timeoutMs: 5_000 };

let prometheus: FakePrometheus;

beforeEach(async () => {
  prometheus = await startFakePrometheus({ scrapeIntervalMs: 1_000, now: () => NOW });
  for (const service of ['b', 'a', 'b']) prometheus.counter('requests_total', { service }, () => 1);
  prometheus.counter('other_total', { service: 'c' }, () => 1);
});

afterEach(() => prometheus.close());

describe('the values of a label', () => {
  test('the values of a label are those of the series that the selector picks, each once', async () => {
    expect(await readLabelValues(prometheus.url, QUESTION)).toEqual(['a', 'b']);
    expect(prometheus.received).toMatchObject([{ method: 'GET', path: '/api/v1/label/service/values', match: 'requests_total' }]);
  });

  test('the values of a label are none where no series has the label', async () => {
    expect(await readLabelValues(`${prometheus.url}/base`, { ...QUESTION, label: 'pod' })).toEqual([]);
    expect(prometheus.received[0]?.path).toBe('/base/api/v1/label/pod/values');
  });

  test.each([
    ['500', /the storage is broken/],
    ['503', /values of label service cannot be read/],
    ['html', /values of label service cannot be read/],
    ['redirect', /values of label service cannot be read/],
    ['oversized', /maxContentLength size of 8388608 exceeded/],
    ['errorWith200', /the answer is no list/],
  ] as const)('the values of a label cannot be read where Prometheus answers as in %s', async (fault, message) => {
    prometheus.fail(fault);
    await expect(readLabelValues(prometheus.url, QUESTION)).rejects.toMatchObject({
      code: 'GLIDEPATH_E_METRICS_UNAVAILABLE',
      message: expect.stringMatching(message),
    });
    expect(prometheus.received).toHaveLength(1);
  });

  test.each(['hang', 'stall'] as const)(
    'the values of a label are not waited for longer than the time that is given (%s)',
    async (fault) => {
      prometheus.fail(fault);
      await expect(readLabelValues(prometheus.url, { ...QUESTION, timeoutMs: 30 })).rejects.toMatchObject({
        code: 'GLIDEPATH_E_METRICS_UNAVAILABLE',
      });
    },
  );
});
