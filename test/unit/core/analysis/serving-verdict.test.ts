// How serving stands to a limit that the canary breaks.

import { describe, expect, test } from 'vitest';
import { judgeServing } from '../../../../src/core/analysis/checks.ts';
import type { Bucket } from '../../../../src/core/analysis/histogram.ts';
import type { ServingCounts } from '../../../../src/core/analysis/reading.ts';
import { aCheck } from '../../../fixtures/builders.ts';

const SLOW = aCheck({ name: 'p99', metric: 'Latency', quantile: '0.99', max: '500ms' });

function counts(change: Partial<ServingCounts['requests']>, latency?: readonly Bucket[]): ServingCounts {
  const requests = { requests: 1_000, serverErrors: 0, clientErrors: 0, spanSeconds: 60, ...change };
  return { requests, ...(latency === undefined ? {} : { latency }) };
}

const buckets = (...pairs: readonly (readonly [upper: number, count: number])[]) => pairs.map(([upper, count]) => ({ upper, count }));

describe('serving beside a limit', () => {
  test('serving keeps or breaks a limit of errors of either kind, and few requests prove neither', () => {
    const errors = aCheck({ name: 'errors', metric: 'ErrorRatio', max: '5%' });
    expect(judgeServing(errors, counts({ serverErrors: 1 }))).toBe('keeps');
    expect(judgeServing(errors, counts({ serverErrors: 300 }))).toBe('breaks');
    expect(judgeServing(errors, counts({ requests: 10 }))).toBe('unsure');
    const bad = aCheck({ name: 'bad', metric: 'ClientErrorRatio', max: '5%' });
    expect(judgeServing(bad, counts({ clientErrors: 1 }))).toBe('keeps');
    expect(judgeServing(bad, counts({ clientErrors: 300 }))).toBe('breaks');
  });

  test('serving says nothing of a rate, which follows the weights, nor of a query of the user', () => {
    expect(judgeServing(aCheck({ name: 'rate', metric: 'RequestRate', min: '1/s' }), counts({}))).toBe('unsure');
    expect(judgeServing(aCheck({ name: 'own', query: 'vector(1)', max: '1', metric: undefined }), counts({}))).toBe('unsure');
  });

  test('serving keeps or breaks a limit of latency by its histogram', () => {
    const quick = buckets([0.1, 990], [0.5, 1_000], [1, 1_000], [Number.POSITIVE_INFINITY, 1_000]);
    const slow = buckets([0.1, 10], [0.5, 500], [1, 1_000], [Number.POSITIVE_INFINITY, 1_000]);
    expect(judgeServing(SLOW, counts({}, quick))).toBe('keeps');
    expect(judgeServing(SLOW, counts({}, slow))).toBe('breaks');
  });

  test('serving is unsure without a histogram, with one that is no histogram, and above its largest bound', () => {
    expect(judgeServing(SLOW, counts({}))).toBe('unsure');
    expect(judgeServing(SLOW, counts({}, []))).toBe('unsure');
    expect(judgeServing(SLOW, counts({}, buckets([0.1, 1_000], [Number.POSITIVE_INFINITY, 1_000])))).toBe('unsure');
    expect(judgeServing(SLOW, counts({}, buckets([0.1, 1_000])))).toBe('unsure');
  });
});
