import { describe, expect, test } from 'vitest';
import type { Judgement } from '../../../../../src/core/analysis/comparison/judgement.ts';
import {
  describeAllowed,
  describeComparison,
  describeFigures,
  describeMismatch,
  describeValue,
  describeWideBucket,
  requestsNeeded,
  roundCount,
  roundPercent,
} from '../../../../../src/core/analysis/comparison/words.ts';

const JUDGEMENT: Judgement = {
  finding: 'unproven',
  canary: { requests: 4_120, serverErrors: 78, clientErrors: 412 },
  serving: { requests: 37_046, serverErrors: 111, clientErrors: 741 },
  lower: 0.009,
  upper: 0.0243,
  evidence: 31.4,
  needed: 100,
  strongest: 'errors',
  allowed: 0.01,
  budget: 'ratio',
  split: { tooMuch: false },
};
const figures = (change: Partial<Judgement> = {}) => describeFigures({ ...JUDGEMENT, ...change });
const said = (change: Partial<Judgement> = {}) => describeComparison({ ...JUDGEMENT, ...change });

describe('the comparison in a sentence', () => {
  test('the sentence about the comparison has both ratios, over how many requests, and how sure that is', () => {
    expect(said()).toBe('canary 1.9% errors, serving 0.3%, over 4,120 and 37,000 requests; likely worse than serving');
    expect(said({ finding: 'worse' })).toMatch(/requests; certain$/);
    expect(said({ finding: 'earned' })).toMatch(/requests; certain enough for the next weight$/);
  });

  test('the sentence about the comparison says how many requests are missing, and for how long where enough came for a forecast', () => {
    const few = { evidence: 0.4, upper: 1, lower: -1, canary: { requests: 195, serverErrors: 0, clientErrors: 0 } };
    expect(said(few)).toMatch(/; not enough requests yet \(195 of 420\)$/);
    expect(said({ ...few, perSecond: 5.6 })).toMatch(/; not enough requests yet \(195 of 420, about 40 s\)$/);
    expect(said({ ...few, perSecond: 0.2 })).toContain('about 19 min');
    expect(said({ ...few, perSecond: 0.01 })).toContain('about 6 h');
    expect(said({ ...few, canary: { requests: 5_000, serverErrors: 0, clientErrors: 0 } })).toMatch(/; not certain yet$/);
  });

  test('the sentence about the comparison names what is strongest: client errors, or a quantile of both', () => {
    expect(said({ strongest: 'clientErrors' })).toContain('canary 10% client errors, serving 2%, over');
    const slow = said({ strongest: 'p99', latency: { quantile: 'p99', canary: 1.249, serving: 0.2104, beyond: false, worth: 0.26 } });
    expect(slow).toContain('canary p99 1.2s, serving 210ms, over 4,120');
    expect(said({ strongest: 'p90' })).toContain('canary 1.9% errors');
  });

  test('the figures of the comparison leave bounds out that say nothing yet', () => {
    expect(figures({ upper: 1, lower: -1 })).not.toContain('between');
    expect(figures({ upper: 0.5, lower: -1 })).not.toContain('between');
    expect(figures({ upper: 0.004, lower: -0.001 })).toContain('between -0.1 and 0.4 points');
  });

  test('the sentence about the comparison does not say 0% of nothing', () => {
    const nothing = { requests: 0, serverErrors: 0, clientErrors: 0 };
    expect(said({ canary: nothing, serving: nothing })).toContain('canary no requests, serving no requests, over 0 and 0 requests');
  });

  test('the sentence about the comparison ends with what is not compared', () => {
    expect(said({ gap: 'latency is not compared: why' })).toMatch(/worse than serving; latency is not compared: why$/);
  });

  test('the sentence about the comparison ends with the bucket that hides a slower canary', () => {
    expect(said({ wide: { lower: 0, upper: 0.1 } })).toMatch(
      /worse than serving; p50 to p99 of serving are in the bucket up to 100ms: only a canary slower than 100ms can be seen$/,
    );
    expect(describeWideBucket({ lower: 1.2, upper: 5 })).toBe(
      'p50 to p99 of serving are in the bucket from 1.2s to 5s: only a canary slower than 5s can be seen',
    );
    expect(describeWideBucket({ lower: 5, upper: Number.POSITIVE_INFINITY })).toBe(
      'p50 to p99 of serving are above the largest bucket, 5s: whether a canary is slower cannot be seen',
    );
  });

  test.each([
    [0.54, '0.5 of 100'],
    [9.99, '9.9 of 100'],
    [99.7, '99 of 100'],
    [1_234.5, '1,234 of 100'],
    [3e9, 'over 100,000 of 100'],
    [Number.POSITIVE_INFINITY, 'over 100,000 of 100'],
  ])('the figures of the comparison round evidence of %s to %s, never up', (evidence, text) => {
    expect(figures({ evidence })).toContain(`evidence against the canary ${text} needed`);
  });
});

describe('numbers', () => {
  test.each([
    [0, '0'],
    [38, '38'],
    [4_120, '4,120'],
    [9_999, '9,999'],
    [37_046, '37,000'],
    [1_234_567, '1,230,000'],
  ])('%s requests are %s', (count, text) => {
    expect(roundCount(count)).toBe(text);
  });

  test.each([
    [0, '0%'],
    [0.0189, '1.9%'],
    [0.00303, '0.3%'],
    [0.000_123, '0.012%'],
    [0.1234, '12.3%'],
    [1, '100%'],
    [-0.0189, '-1.9%'],
    [Number.NaN, '?%'],
    [Number.POSITIVE_INFINITY, '?%'],
  ])('the ratio %s is %s', (ratio, text) => {
    expect(roundPercent(ratio)).toBe(text);
  });

  test('the worst excess is told when it says something', () => {
    expect(describeValue({ ...JUDGEMENT, upper: 0.0031 })).toBe('at most 0.31 points');
    expect(describeValue({ ...JUDGEMENT, upper: 0.0243 })).toBe('at most 2.4 points');
    expect(describeValue({ ...JUDGEMENT, upper: 0.95 })).toBe('unknown yet');
  });

  test('a conviction for latency is told in seconds, and held against a limit in seconds', () => {
    const latency = { quantile: 'p99', canary: 4.1, serving: 0.03, beyond: false, worth: 0.041 } as const;
    const slow: Judgement = { ...JUDGEMENT, finding: 'worse', strongest: 'p99', latency };
    expect(describeValue(slow)).toBe('p99 4.1s against 30ms of serving');
    expect(describeAllowed(slow)).toBe('<= 41ms');
    expect(describeValue({ ...slow, latency: { ...latency, canary: 5, beyond: true } })).toBe('p99 over 5s against 30ms of serving');
    expect(describeValue({ ...slow, finding: 'unproven' })).toBe('at most 2.4 points');
  });

  test('what is allowed is never more than all', () => {
    expect(describeAllowed(JUDGEMENT)).toBe('<= 1 points more errors than serving');
    expect(describeAllowed({ ...JUDGEMENT, allowed: 50 })).toBe('<= 100 points more errors than serving');
  });
});

describe('a mismatch in a sentence', () => {
  test('the sentence about a mismatch has the share and asks the right question', () => {
    expect(describeMismatch(JUDGEMENT)).toBe(
      'the canary gets less than its share, 10% since the release began: does the canary answer at all (requests that hang are not counted), and does the gateway honour weights?',
    );
    expect(describeMismatch({ ...JUDGEMENT, split: { tooMuch: true } })).toMatch(
      /^the canary gets more than its share, 10% .* on another way\?$/,
    );
    const nothing = { requests: 0, serverErrors: 0, clientErrors: 0 };
    expect(describeMismatch({ ...JUDGEMENT, canary: nothing, serving: nothing })).toContain('0% since');
  });
});

describe('the requests that a Pass needs', () => {
  test('the requests that a Pass needs are those that there were, once it is earned', () => {
    expect(requestsNeeded({ ...JUDGEMENT, finding: 'earned' })).toBe(4_120);
  });

  test('the requests that a Pass needs follow the rule of three for a canary that nothing is known of', () => {
    expect(requestsNeeded({ ...JUDGEMENT, upper: 1, canary: { requests: 0, serverErrors: 0, clientErrors: 0 } })).toBe(420);
  });

  test('grow with the bound that is still open', () => {
    expect(requestsNeeded(JUDGEMENT)).toBe(Math.ceil(4_120 * 2.43));
  });

  test('the requests that a Pass needs are a number also where no budget is left', () => {
    expect(requestsNeeded({ ...JUDGEMENT, allowed: 0, canary: { ...JUDGEMENT.canary, requests: 1e9 } })).toBe(1_000_000_000);
    expect(requestsNeeded({ ...JUDGEMENT, allowed: 0, upper: 1 })).toBe(4_200_000);
  });
});
