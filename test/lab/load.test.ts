import { describe, expect, test } from 'vitest';
import { summarise, within, type LoadRecord } from './load.ts';

function answer(sentAtMs: number, status: number, version: string): LoadRecord {
  return { sentAtMs, doneAtMs: sentAtMs + 10, status, version, pod: `pod-of-${version}` };
}

const records = [answer(0, 200, 'v1'), answer(20, 503, 'v2'), answer(40, 400, 'v1'), answer(60, 0, ''), answer(80, 200, 'v1')];

describe('figures of a load', () => {
  test('no answer and a 5xx are bad, a 4xx is not', () => {
    expect(summarise(records)).toMatchObject({ total: 5, good: 3, bad: 2, byStatus: { 0: 1, 200: 2, 400: 1, 503: 1 } });
  });

  test('the first and the last bad answer are known by the time at which they ended', () => {
    expect(summarise(records)).toMatchObject({ firstBadAtMs: 30, lastBadAtMs: 70 });
    expect(summarise([answer(0, 200, 'v1')]).firstBadAtMs).toBeUndefined();
  });

  test('a version has its share of all requests', () => {
    expect(summarise(records).shareByVersion).toEqual({ v1: 0.6, v2: 0.2 });
  });

  test('a span takes what was sent at its start and not what was sent at its end', () => {
    expect(within(records, 20, 60).map(({ sentAtMs }) => sentAtMs)).toEqual([20, 40]);
  });
});
