import { describe, expect, test } from 'vitest';
import { findWideBucket } from '../../../../../src/core/analysis/comparison/wide-bucket.ts';

const ENVOY = [0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, Number.POSITIVE_INFINITY];
const TRAEFIK = [0.1, 0.3, 1.2, 5, Number.POSITIVE_INFINITY];

/** All requests in the bucket up to `upper`, but for `above` of 1,000 in the next one. */
function wideAt(le: readonly number[], upper: number, above = 0) {
  const index = le.indexOf(upper);
  const cumulative = le.map((_, at) => (at < index ? 0 : at === index ? 1_000 - above : 1_000));
  return findWideBucket({ le, cumulative }, { plus: 0.005 });
}

describe('a bucket that hides what is slower', () => {
  test('a bucket that hides what is slower is the first one, or much wider than its lower edge', () => {
    expect(wideAt(TRAEFIK, 0.1)).toEqual({ lower: 0, upper: 0.1 });
    expect(wideAt(TRAEFIK, 0.3)).toEqual({ lower: 0.1, upper: 0.3 });
    expect(wideAt(TRAEFIK, Number.POSITIVE_INFINITY)).toEqual({ lower: 5, upper: Number.POSITIVE_INFINITY });
    expect(wideAt(ENVOY, 30)).toEqual({ lower: 10, upper: 30 });
  });

  test('a bucket that hides what is slower is none of those of usual width', () => {
    for (const upper of [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]) expect(wideAt(ENVOY, upper)).toBeUndefined();
  });

  test('a bucket that hides what is slower is none in which nothing differs by what matters', () => {
    for (const upper of [0.0005, 0.001, 0.005]) expect(wideAt(ENVOY, upper)).toBeUndefined();
  });

  test('a bucket that hides what is slower holds p50 and p99: what spreads over several is seen by one of them', () => {
    expect(wideAt(TRAEFIK, 0.1, 10)).toEqual({ lower: 0, upper: 0.1 });
    expect(wideAt(TRAEFIK, 0.1, 11)).toBeUndefined();
    expect(findWideBucket({ le: TRAEFIK, cumulative: [0, 0, 0, 0, 0] }, { plus: 0.005 })).toBeUndefined();
  });
});
