import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { provenAbove } from '../../../../src/core/analysis/bounds.ts';
import { type CheckResult, describeLimit, judgeCheck } from '../../../../src/core/analysis/checks.ts';
import type { Bucket } from '../../../../src/core/analysis/histogram.ts';
import type { Evidence, LookReading } from '../../../../src/core/analysis/reading.ts';
import { aCheck, aLook, type CheckInput, someRequests } from '../../../fixtures/builders.ts';

const errors = aCheck({ max: '1%' });
const p90 = (limits: LimitsInput) => aCheck({ name: 'p90', metric: 'Latency', quantile: '0.9', ...limits });
const rate = (limits: LimitsInput) => aCheck({ name: 'rate', metric: 'RequestRate', ...limits });

type LimitsInput = Pick<CheckInput, 'max' | 'min'>;

/** What a check says at a look. */
function tellCheck(...judged: Parameters<typeof judgeCheck>): CheckResult {
  return judgeCheck(...judged).tell();
}

function judgeCounts(check: typeof errors, counts: Parameters<typeof someRequests>[0]) {
  return tellCheck(check, aLook(60, { requests: someRequests(counts) }));
}

/** A look with this latency, in seconds: [upper bound, requests up to it]. */
function latencyLook(...pairs: readonly (readonly [number, number])[]): LookReading {
  const facts: readonly Bucket[] = pairs.map(([upper, count]) => ({ upper, count }));
  return aLook(60, { latency: { kind: 'facts', facts } });
}

const INFINITE = Number.POSITIVE_INFINITY;

const NO_EVIDENCE: readonly Exclude<Evidence<never>['kind'], 'facts' | 'unavailable'>[] = ['noTraffic', 'noData', 'partial', 'unusable'];

describe('the error ratio', () => {
  test('the error ratio passes while it keeps the limit', () => {
    expect(judgeCounts(errors, { requests: 1_000, serverErrors: 5 })).toEqual({
      name: 'errors',
      verdict: 'Pass',
      value: '0.5%',
      limit: '<= 1%',
      requests: 1_000,
    });
  });

  test('the error ratio fails when its own counts prove that the limit is broken, however few they are', () => {
    expect(judgeCounts(errors, { requests: 10, serverErrors: 2 })).toMatchObject({ verdict: 'Fail', value: '20%', requests: 10 });
  });

  test('the error ratio is Inconclusive when it is over the limit and the counts do not prove it', () => {
    expect(judgeCounts(errors, { requests: 10, serverErrors: 1 })).toEqual({
      name: 'errors',
      verdict: 'Inconclusive',
      value: '10%',
      limit: '<= 1%',
      requests: 10,
      message: '10% is outside <= 1%, but the counts do not prove it yet',
    });
  });

  test('the error ratio fails exactly where the 99% bound breaks the limit, and passes exactly where the value keeps it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.nat({ max: 5_000 }), (requests, some) => {
        const serverErrors = Math.min(requests, some);
        const expected = provenAbove(serverErrors, requests, 0.01) ? 'Fail' : serverErrors / requests <= 0.01 ? 'Pass' : 'Inconclusive';
        expect(judgeCounts(errors, { requests, serverErrors }).verdict).toBe(expected);
      }),
    );
  });

  test('looks at server errors, the client error ratio at client errors', () => {
    const counts = { requests: 100, serverErrors: 0, clientErrors: 50 };
    expect(judgeCounts(errors, counts).verdict).toBe('Pass');
    expect(judgeCounts(aCheck({ metric: 'ClientErrorRatio', max: '10%' }), counts)).toMatchObject({ verdict: 'Fail', value: '50%' });
  });

  test('the error ratio can have a lowest value too', () => {
    const check = aCheck({ metric: 'ClientErrorRatio', min: '5%', max: '50%' });
    expect(judgeCounts(check, { requests: 1_000, clientErrors: 1 })).toMatchObject({ verdict: 'Fail', limit: '>= 5% and <= 50%' });
    expect(judgeCounts(check, { requests: 1_000, clientErrors: 100 }).verdict).toBe('Pass');
    expect(judgeCounts(check, { requests: 10, clientErrors: 0 }).verdict).toBe('Inconclusive');
  });

  test('the error ratio with a limit of 0% fails by one error and passes without', () => {
    expect(judgeCounts(aCheck({ max: '0%' }), { serverErrors: 1 }).verdict).toBe('Fail');
    expect(judgeCounts(aCheck({ max: '0%' }), { serverErrors: 0 }).verdict).toBe('Pass');
  });

  test.each(NO_EVIDENCE)('the error ratio is Inconclusive, never 0 errors, where the evidence is %s', (kind) => {
    const result = tellCheck(errors, aLook(60, { requests: { kind, message: 'why' } }));
    expect(result).toEqual({ name: 'errors', verdict: 'Inconclusive', limit: '<= 1%', message: 'why' });
  });

  test('the error ratio is Unavailable where Prometheus cannot be asked: that is no lack of evidence', () => {
    const result = tellCheck(errors, aLook(60, { requests: { kind: 'unavailable', message: 'timeout' } }));
    expect(result).toEqual({ name: 'errors', verdict: 'Unavailable', limit: '<= 1%', message: 'timeout' });
  });

  test('the error ratio of counts that came to 0 requests is no traffic', () => {
    expect(judgeCounts(errors, { requests: 0 })).toEqual({
      name: 'errors',
      verdict: 'Inconclusive',
      limit: '<= 1%',
      message: 'no canary request in the window',
    });
  });
});

describe('the request rate', () => {
  test('the request rate passes at its limits and fails where the counts prove it broken', () => {
    expect(judgeCounts(rate({ min: '0.5/s' }), { requests: 30, spanSeconds: 60 })).toMatchObject({
      verdict: 'Pass',
      value: '0.5/s',
      limit: '>= 0.5/s',
    });
    expect(judgeCounts(rate({ min: '0.5/s' }), { requests: 25, spanSeconds: 60 }).verdict).toBe('Inconclusive');
    expect(judgeCounts(rate({ min: '0.5/s' }), { requests: 10, spanSeconds: 60 }).verdict).toBe('Fail');
    expect(judgeCounts(rate({ max: '10/s' }), { requests: 620, spanSeconds: 60 }).verdict).toBe('Inconclusive');
    expect(judgeCounts(rate({ max: '10/s' }), { requests: 700, spanSeconds: 60 }).verdict).toBe('Fail');
  });

  test('the request rate without traffic is Inconclusive: silence is not proof of a low rate', () => {
    const look = aLook(60, { requests: { kind: 'noTraffic', message: 'no canary request in the window' } });
    expect(tellCheck(rate({ min: '0.5/s' }), look).verdict).toBe('Inconclusive');
  });

  test('the request rate over no time at all is 0', () => {
    expect(judgeCounts(rate({ min: '0/s' }), { requests: 5, spanSeconds: 0 })).toMatchObject({ value: '0/s', verdict: 'Pass' });
  });
});

describe('the latency', () => {
  const good = latencyLook([0.1, 900], [0.5, 1_000], [INFINITE, 1_000]);

  test('the latency is the interpolated quantile, in milliseconds below a second and in seconds above', () => {
    expect(tellCheck(p90({ max: '500ms' }), good)).toMatchObject({ verdict: 'Pass', value: '100ms', limit: '<= 500ms', requests: 1_000 });
    expect(tellCheck(p90({ max: '5s' }), latencyLook([1, 500], [3, 1_000], [INFINITE, 1_000]))).toMatchObject({ value: '2.6s' });
  });

  test('the latency fails when more requests than the quantile allows are proven to be slower', () => {
    expect(tellCheck(p90({ max: '100ms' }), latencyLook([0.1, 800], [0.5, 1_000], [INFINITE, 1_000])).verdict).toBe('Fail');
    expect(tellCheck(p90({ max: '100ms' }), latencyLook([0.1, 8], [0.5, 10], [INFINITE, 10])).verdict).toBe('Inconclusive');
  });

  test('the latency beyond the last bucket fails where the limit is at or below its bound', () => {
    const slow = latencyLook([0.1, 100], [0.5, 500], [INFINITE, 1_000]);
    expect(tellCheck(p90({ max: '500ms' }), slow)).toMatchObject({ verdict: 'Fail', value: 'over 500ms' });
    expect(tellCheck(p90({ max: '500ms' }), latencyLook([0.5, 8], [INFINITE, 10]))).toMatchObject({
      verdict: 'Inconclusive',
      value: 'over 500ms',
    });
  });

  test.each([{ max: '2s' }, { min: '2s' }])(
    'the latency beyond the last bucket cannot be held against a limit above its bound, %o',
    (limits) => {
      const result = tellCheck(p90(limits), latencyLook([0.1, 100], [0.5, 500], [INFINITE, 1_000]));
      expect(result.verdict).toBe('Inconclusive');
      expect(result.message).toContain('beyond the last bucket (500ms)');
    },
  );

  test('the latency can have a lowest value', () => {
    expect(tellCheck(p90({ min: '50ms' }), good).verdict).toBe('Pass');
    expect(tellCheck(p90({ min: '110ms' }), good).verdict).toBe('Inconclusive');
    expect(tellCheck(p90({ min: '500ms' }), good).verdict).toBe('Fail');
  });

  test('requests that may be slower do not prove the latency below a limit above the last bound', () => {
    expect(tellCheck(p90({ min: '2s' }), latencyLook([0.5, 1_000], [INFINITE, 1_000])).verdict).toBe('Fail');
    expect(tellCheck(p90({ min: '2s' }), latencyLook([0.5, 905], [INFINITE, 1_000])).verdict).toBe('Inconclusive');
  });

  test('the latency of an only infinite bucket cannot be judged', () => {
    const look = latencyLook([INFINITE, 1_000]);
    for (const limits of [{ max: '1s' }, { min: '1s' }]) expect(tellCheck(p90(limits), look).verdict).toBe('Inconclusive');
  });

  test('the latency without a timed request is no traffic', () => {
    expect(tellCheck(p90({ max: '1s' }), latencyLook([0.5, 0], [INFINITE, 0]))).toMatchObject({
      verdict: 'Inconclusive',
      message: 'no canary request was timed in the window',
    });
  });

  test('the latency of buckets that make no sense is Inconclusive and says what is wrong', () => {
    expect(tellCheck(p90({ max: '1s' }), latencyLook([0.5, 10])).message).toContain('noInfinityBucket');
    expect(tellCheck(p90({ max: '1s' }), latencyLook([0.1, 5], [0.5, 3], [INFINITE, 5])).message).toContain('notCumulative');
  });

  test('the latency without a histogram asks for an own query, and what the reader said is passed on', () => {
    expect(tellCheck(p90({ max: '1s' }), aLook(60)).message).toContain('use an own query');
    const away = aLook(60, { latency: { kind: 'unavailable', message: 'timeout' } });
    expect(tellCheck(p90({ max: '1s' }), away)).toMatchObject({ verdict: 'Unavailable', message: 'timeout' });
  });

  test('the latency has the 99th percentile where none is written', () => {
    const { quantile: _quantile, ...check } = p90({ max: '200ms' });
    expect(tellCheck(check, good)).toMatchObject({ value: '460ms' });
  });
});

describe('an own query', () => {
  const orders = aCheck({ name: 'orders', query: 'orders', min: '0.1', max: '20' });
  const judgeValue = (facts: number) => tellCheck(orders, aLook(60, { own: { orders: { kind: 'facts', facts } } }));

  test('an own query passes or fails by its value alone', () => {
    expect(judgeValue(0.1)).toEqual({ name: 'orders', verdict: 'Pass', value: '0.1', limit: '>= 0.1 and <= 20' });
    expect(judgeValue(0.09).verdict).toBe('Fail');
    expect(judgeValue(20.5)).toMatchObject({ verdict: 'Fail', value: '20.5' });
  });

  test('an own query shows three digits', () => {
    expect(judgeValue(12.3456).value).toBe('12.3');
  });

  test('an own query that was not asked, or that Prometheus could not answer, says so', () => {
    expect(tellCheck(orders, aLook(60))).toMatchObject({
      verdict: 'Inconclusive',
      message: 'the query of check orders was not asked at this evaluation',
    });
    const away = aLook(60, { own: { orders: { kind: 'unavailable', message: 'timeout' } } });
    expect(tellCheck(orders, away).verdict).toBe('Unavailable');
  });
});

describe('a limit in words', () => {
  test('a limit in words names both sides, or the one there is', () => {
    expect(describeLimit({ max: '1%' })).toBe('<= 1%');
    expect(describeLimit({ min: '0.5/s' })).toBe('>= 0.5/s');
    expect(describeLimit({ min: '1', max: '2' })).toBe('>= 1 and <= 2');
  });
});

describe('what the serving version did in the same time', () => {
  const buckets: readonly Bucket[] = [
    { upper: 0.1, count: 900 },
    { upper: 0.2, count: 1_000 },
    { upper: INFINITE, count: 1_000 },
  ];
  const serving = { requests: { requests: 1_000, serverErrors: 2, clientErrors: 30, spanSeconds: 50 }, latency: buckets };
  const look = { ...latencyLook([0.1, 50], [0.2, 100], [INFINITE, 100]), serving };

  test.each([
    ['errors', errors, '0.2%'],
    ['client errors', aCheck({ metric: 'ClientErrorRatio', max: '5%' }), '3%'],
    ['requests', rate({ min: '1/s' }), '20/s'],
    ['a quantile', p90({ max: '500ms' }), '100ms'],
  ])('a check of %s says it beside the value of the canary', (_what, check, said) => {
    expect(tellCheck(check, { ...look, requests: someRequests({ requests: 100 }) }).serving).toBe(said);
  });

  test('a quantile of one of several sources is read beside that source alone', () => {
    const source = { source: 'Contour', requests: 100, serverErrors: 0, latency: look.latency ?? { kind: 'noData', message: '' } };
    const fast = {
      ...serving,
      latency: [
        { upper: 0.05, count: 1_000 },
        { upper: INFINITE, count: 1_000 },
      ],
    };
    const told = (own: object) => tellCheck(p90({ max: '500ms' }), { ...look, sources: [{ ...source, ...own }] });
    expect(told({ serving: fast })).toMatchObject({ value: expect.stringMatching(/ at Contour$/), serving: '45ms' });
    expect(told({})).not.toHaveProperty('serving');
  });

  test('a check says nothing of the serving version that was not read, and nothing of latencies that cannot be read', () => {
    expect(tellCheck(p90({ max: '500ms' }), latencyLook([0.1, 50], [0.2, 100], [INFINITE, 100]))).not.toHaveProperty('serving');
    const untimed = { ...look, serving: { requests: serving.requests } };
    expect(tellCheck(p90({ max: '500ms' }), untimed)).not.toHaveProperty('serving');
    const idle = { ...look, serving: { requests: { ...serving.requests, requests: 0 } } };
    expect(tellCheck(errors, { ...idle, requests: someRequests({ requests: 100 }) })).not.toHaveProperty('serving');
  });
});
