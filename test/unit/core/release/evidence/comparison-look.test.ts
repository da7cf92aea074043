import { describe, expect, test } from 'vitest';
import type { CanaryReleaseSpec, SpecInput } from '../../../../../src/api/release.ts';
import type { Judgement } from '../../../../../src/core/analysis/comparison/judgement.ts';
import type { Bucket } from '../../../../../src/core/analysis/histogram.ts';
import type { LookReading } from '../../../../../src/core/analysis/reading.ts';
import { breachOf } from '../../../../../src/core/release/evidence/breach.ts';
import { compareAtLook, findMismatch, nextRaiseOf, reasonOf } from '../../../../../src/core/release/evidence/comparison-look.ts';
import { decide } from '../../../../../src/core/release/decide.ts';
import { foldLook, foldLooks } from '../../../../../src/core/release/evidence/looks.ts';
import {
  aCheck,
  after,
  aLook,
  anObservation,
  aRelease,
  aReleaseStatus,
  aSpec,
  aStatus,
  type CheckInput,
  someRequests,
  timeAfter,
  aRoute,
  aRule,
} from '../../../../fixtures/builders.ts';
import { aJudgement } from '../../../../fixtures/judgements.ts';

type Mode = 'Enforce' | 'Observe' | 'Off';
const specOf = (mode: Mode, checks: readonly CheckInput[] = []): CanaryReleaseSpec =>
  aSpec({ analysis: { comparison: { mode }, checks: [...checks] } });
const ENFORCED = specOf('Enforce');

/** A look with this comparison beside 4,500 requests of serving. */
function compared(change: Partial<Judgement> = {}, look: Partial<LookReading> = {}): LookReading {
  return aLook(10, { comparison: { kind: 'facts', facts: aJudgement(change) }, servingRequests: 4_500, ...look });
}
const without = (kind: 'partial' | 'unusable' | 'unavailable' | 'noData') =>
  aLook(10, { comparison: { kind, message: 'why' }, servingRequests: 4_500 });

/** What the comparison says at a look. */
function tellAtLook(spec: CanaryReleaseSpec, look: LookReading) {
  return compareAtLook(spec, look)?.tell(look);
}

describe('the verdict of the comparison', () => {
  test.each([
    ['worse', 'Fail'],
    ['earned', 'Pass'],
    ['unproven', 'Inconclusive'],
    ['mismatch', 'Inconclusive'],
  ] as const)('%s is %s', (finding, verdict) => {
    expect(tellAtLook(ENFORCED, compared({ finding }))?.verdict).toBe(verdict);
    expect(foldLook(ENFORCED, aStatus(), compared({ finding })).verdict).toBe(verdict);
  });

  test.each([
    ['partial', 'Inconclusive'],
    ['noData', 'Inconclusive'],
    ['unusable', 'Inconclusive'],
    ['unavailable', 'Unavailable'],
  ] as const)('an answer that is %s is %s, although the checks pass', (kind, verdict) => {
    const spec = specOf('Enforce', [{ name: 'errors', metric: 'ErrorRatio', max: '1%' }]);
    expect(tellAtLook(spec, without(kind))).toMatchObject({ name: 'comparison', verdict, message: 'why' });
    expect(foldLook(spec, aStatus(), without(kind)).verdict).toBe(verdict);
  });

  test('the verdict of the comparison is reported in full: value, limit, requests and how many a Pass needs', () => {
    expect(tellAtLook(ENFORCED, compared({ finding: 'unproven' }))).toEqual({
      name: 'comparison',
      verdict: 'Inconclusive',
      value: 'at most 0.4 points',
      limit: '<= 1 points more errors than serving',
      requests: 500,
      needed: 420,
      figures: 'excess of errors between -1 and 0.4 points; evidence against the canary 0.7 of 100 needed',
      message: 'canary 0.2% errors, serving 0.2%, over 500 and 4,500 requests; not certain yet',
    });
    expect(tellAtLook(ENFORCED, compared({ finding: 'mismatch' }))?.message).toMatch(
      /^the canary gets more than its share, 10% .*; canary 0.2% errors/,
    );
  });

  test('the verdict of the comparison is none where nothing is compared', () => {
    expect(tellAtLook(ENFORCED, aLook(10))).toBeUndefined();
    expect(tellAtLook(specOf('Off'), compared())).toBeUndefined();
  });

  test('rule 6: what was earned is no Pass while one of the two answers nobody, and a conviction stands', () => {
    const silent: LookReading['requests'] = { kind: 'noTraffic', message: 'no canary request in the window' };
    expect(tellAtLook(ENFORCED, compared({}, { requests: silent }))).toMatchObject({ verdict: 'Inconclusive', message: silent.message });
    expect(tellAtLook(ENFORCED, compared({}, { servingRequests: 0 }))?.verdict).toBe('Inconclusive');
    expect(tellAtLook(ENFORCED, compared({ finding: 'worse' }, { requests: silent }))?.verdict).toBe('Fail');
  });

  test('the verdict of the comparison fails the release by the metric that convicted', () => {
    const reasonAt = (strongest: Judgement['strongest']) =>
      foldLook(ENFORCED, aStatus(), compared({ finding: 'worse', strongest })).release?.failedCheck?.reason;
    expect(reasonAt('errors')).toBe('ErrorRatio');
    expect(reasonAt('clientErrors')).toBe('ClientErrorRatio');
    expect(reasonAt('p90')).toBe('Latency');
    expect(reasonOf(without('partial'))).toBe('ErrorRatio');
    expect(foldLook(ENFORCED, aStatus(), compared({ finding: 'worse' })).release?.failedCheck?.message).toMatch(
      /^worse than serving: canary 0\.2%/,
    );
  });

  test('a comparison that is only observed is reported and changes nothing', () => {
    const spec = specOf('Observe', [{ name: 'errors', metric: 'ErrorRatio', max: '1%' }]);
    const status = foldLook(spec, aStatus(), compared({ finding: 'worse' }));
    expect(status.checks?.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['errors', 'Pass'],
      ['comparison', 'Fail'],
    ]);
    expect(status).toMatchObject({ verdict: 'Pass' });
    expect(status.release?.failedCheck).toBeUndefined();
  });
});

describe('the share after the next raise', () => {
  const spec = aSpec({ stages: [{ weight: 5 }, { weight: 25 }] });

  test('the share after the next raise is the next stage’s, then everything, and never less than now', () => {
    const share = (stageIndex: number | undefined, weight?: number) =>
      nextRaiseOf(spec, { ...aStatus(), weight: weight as number, release: aReleaseStatus({ stageIndex: stageIndex as number }) }).share;
    expect(share(0, 5)).toBe(0.25);
    expect(share(undefined)).toBe(0.25);
    expect(share(0, 60)).toBe(0.6);
    expect(share(1, 25)).toBe(1);
  });
});

describe('the time that a raise is counted over', () => {
  const lasts = (stages: NonNullable<SpecInput['stages']>, stageIndex = 0) =>
    nextRaiseOf(aSpec({ stages }), { ...aStatus(), release: aReleaseStatus({ stageIndex }) }).lastsMs / 60_000;

  test('the time that a raise is counted over is the next stage’s, and before everything the last one’s, at least ten minutes', () => {
    expect(lasts([{ weight: 5 }, { weight: 50, duration: '3m' }])).toBe(3);
    expect(lasts([{ weight: 5 }, { weight: 50, duration: '3m' }], 1)).toBe(10);
    expect(lasts([{ weight: 50, duration: '20m' }])).toBe(20);
    expect(lasts([{ weight: 50 }, { weight: 100, duration: '1m' }])).toBe(10);
  });
});

describe('the requests that a Pass needs', () => {
  const few = (budget: 'ratio' | 'requests', spec: CanaryReleaseSpec, finding: Judgement['finding'] = 'earned') =>
    foldLook(spec, { ...aStatus(), checks: [] }, compared({ budget, finding }, { newRequests: 7 }));
  const enforced = (stages?: SpecInput['stages']) =>
    aSpec({ ...(stages === undefined ? {} : { stages }), analysis: { checks: [], comparison: { mode: 'Enforce' } } });

  test('the requests that a Pass needs give way where few come and the comparison goes by a number of them', () => {
    expect(few('requests', enforced())).toMatchObject({ verdict: 'Pass', release: { fewRequests: true } });
    expect(few('ratio', enforced()).verdict).toBe('Inconclusive');
    expect(few('requests', enforced(), 'unproven').verdict).toBe('Inconclusive');
  });

  test('the requests that a Pass needs do not give way where they are written for the stage, nor where nothing is enforced', () => {
    expect(few('requests', enforced([{ weight: 25, minRequests: 8 }])).verdict).toBe('Inconclusive');
    expect(few('requests', enforced([{ weight: 25, minRequests: 7 }])).verdict).toBe('Pass');
    const observed = aSpec({ analysis: { comparison: { mode: 'Observe' } } });
    expect(few('requests', observed).verdict).toBe('Inconclusive');
  });
});

describe('what a breach does', () => {
  const kindAt = (...given: Parameters<typeof breachOf>) => breachOf(...given).kind;
  const beside = (requests: number, serverErrors: number, latency?: readonly Bucket[]) =>
    compared(
      {},
      {
        serving: { requests: { requests, serverErrors, clientErrors: 0, spanSeconds: 60 }, ...(latency === undefined ? {} : { latency }) },
      },
    );
  /** Buckets up to 100 ms, 500 ms and above. */
  const timed = (fast: number, middle: number, slow: number): readonly Bucket[] => [
    { upper: 0.1, count: fast },
    { upper: 0.5, count: fast + middle },
    { upper: Number.POSITIVE_INFINITY, count: fast + middle + slow },
  ];

  const auto = (metric: CheckInput['metric'], limit: Partial<CheckInput> = { max: '1%' }) =>
    aCheck(metric === undefined ? { query: 'up', max: '1' } : { metric, ...limit });
  const errors = auto('ErrorRatio');

  test.each(['Rollback', 'Hold', 'Observe'] as const)('a breach does what the spec says where it says %s', (onBreach) => {
    for (const look of [compared(), aLook(10)]) expect(kindAt({ ...errors, onBreach }, ENFORCED, look)).toBe(onBreach);
  });

  test('Auto rolls back what serving keeps and the canary breaks, and holds what serving breaks, too, or may break', () => {
    expect(breachOf(errors, ENFORCED, beside(4_500, 9))).toEqual({ kind: 'Rollback' });
    expect(breachOf(errors, ENFORCED, beside(4_500, 90))).toEqual({ kind: 'Hold', why: 'servingBreaks' });
    expect(breachOf(errors, ENFORCED, beside(4_500, 44))).toEqual({ kind: 'Hold', why: 'unsure' });
    expect(breachOf(errors, ENFORCED, beside(57, 0))).toEqual({ kind: 'Hold', why: 'unsure' });
    const p99 = auto('Latency', { quantile: '0.99', max: '500ms' });
    expect(breachOf(p99, ENFORCED, beside(1_000, 0, timed(990, 9, 1)))).toEqual({ kind: 'Rollback' });
    expect(breachOf(p99, ENFORCED, beside(1_000, 0, timed(900, 50, 50)))).toEqual({ kind: 'Hold', why: 'servingBreaks' });
    expect(breachOf(p99, ENFORCED, beside(1_000, 0))).toEqual({ kind: 'Hold', why: 'unsure' });
    expect(breachOf({ ...p99, max: '2s' }, ENFORCED, beside(1_000, 0, timed(990, 9, 1)))).toEqual({ kind: 'Hold', why: 'unsure' });
  });

  test('Auto holds a limit of latency while pods of the canary are new, and no other', () => {
    const look = beside(1_000, 0, timed(1_000, 0, 0));
    const p99 = auto('Latency', { quantile: '0.99', max: '500ms' });
    expect(breachOf(p99, ENFORCED, look, after(11))).toEqual({ kind: 'Hold', why: 'cold' });
    expect(breachOf(p99, ENFORCED, look, after(10))).toEqual({ kind: 'Rollback' });
    expect(breachOf(errors, ENFORCED, look, after(11))).toEqual({ kind: 'Rollback' });
  });

  test('Auto holds while serving answers beside it: an incident of both is nobody’s fault', () => {
    for (const check of [errors, auto('ClientErrorRatio'), auto('Latency', { quantile: '0.99', max: '1s' })])
      expect([check.onBreach, kindAt(check, ENFORCED, compared())]).toEqual(['Auto', 'Hold']);
  });

  test('Auto holds while the comparison still reads its past, as after a restart in an incident of both', () => {
    expect(kindAt(aCheck({ onBreach: 'Auto' }), ENFORCED, { ...without('partial'), servingRequests: 100 })).toBe('Hold');
    expect(kindAt(aCheck({ onBreach: 'Rollback' }), ENFORCED, { ...without('partial'), servingRequests: 100 })).toBe('Rollback');
  });

  test('Auto holds while serving cannot be read whole: what is unknown is not a serving without traffic', () => {
    expect(kindAt(aCheck({ onBreach: 'Auto' }), ENFORCED, aLook(10, { comparison: { kind: 'partial', message: 'why' } }))).toBe('Hold');
  });

  test('Auto rolls back where nothing is compared: at 100%, without an answer, without serving traffic, switched off or only observed', () => {
    for (const look of [aLook(10), without('unusable'), compared({}, { servingRequests: 0 })])
      expect(kindAt(errors, ENFORCED, look)).toBe('Rollback');
    for (const mode of ['Off', 'Observe'] as const) expect(kindAt(errors, specOf(mode), compared())).toBe('Rollback');
  });

  test('Auto rolls back for what has no counterpart in serving: own queries and the request rate', () => {
    expect(kindAt(auto(undefined), ENFORCED, compared())).toBe('Rollback');
    expect(kindAt(auto('RequestRate', { min: '1/s' }), ENFORCED, compared())).toBe('Rollback');
  });

  test('a limit that is broken beside a good comparison holds the release and does not fail it', () => {
    const spec = specOf('Enforce', [{ name: 'errors', metric: 'ErrorRatio', max: '1%' }]);
    const status = foldLook(spec, aStatus(), compared({}, { requests: someRequests({ serverErrors: 300 }) }));
    expect(status.verdict).toBe('Fail');
    expect(status.release?.failedCheck).toBeUndefined();
  });
});

describe('a mismatch of the split', () => {
  test('a mismatch of the split is remembered until a look says otherwise, and a look that cannot tell says nothing', () => {
    expect(findMismatch(aLook(10))).toBeUndefined();
    const noted = foldLook(ENFORCED, aStatus(), compared({ finding: 'mismatch' }));
    expect(noted.release?.splitMismatch).toBe(true);
    expect(foldLook(ENFORCED, noted, { ...without('partial'), atMs: after(20) }).release?.splitMismatch).toBe(true);
    expect(foldLook(ENFORCED, noted, { ...compared(), atMs: after(20), newestSampleMs: after(19) }).release?.splitMismatch).toBeUndefined();
  });
});

describe('a clock that was ahead and came back', () => {
  const ahead = aStatus({ release: aReleaseStatus({ lookGridAt: timeAfter(3_600), lookPhaseMs: 0 }) });

  test('a clock that was ahead and came back does not make the looks blind: the last one counts as one of now, and the next is due at the next time of the grid', () => {
    const spec = aSpec();
    const routes = [aRoute({ rules: [aRule({ v1: 75, v2: 25 })] })];
    const { status, wakeAt } = decide(spec, ahead, anObservation({ release: aRelease({ spec, status: ahead }), routes }), after(103));
    expect(status.release?.lookGridAt).toBe(timeAfter(103));
    expect(wakeAt).toBe(after(110));
    expect(foldLook(spec, status, aLook(110)).release?.lookGridAt).toBe(timeAfter(110));
  });

  test('a clock that was ahead and came back changes nothing where the last look lies in the past, or so little ahead that it may be jitter', () => {
    for (const now of [3_580, 3_600, 4_000]) expect(foldLooks(aSpec(), ahead, 'stage.analyzing', [], after(now))).toBe(ahead);
    expect(foldLooks(aSpec(), ahead, 'stage.analyzing', [], after(3_579)).release?.lookGridAt).toBe(timeAfter(3_579));
    const { release: _release, ...idle } = aStatus();
    expect(foldLooks(aSpec(), idle, 'stage.analyzing', [], after(0))).toBe(idle);
    expect(foldLooks(aSpec(), aStatus(), 'stage.analyzing', [], after(0))).toEqual(aStatus());
  });
});
