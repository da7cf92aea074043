import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../../../src/api/release.ts';
import type { LookReading } from '../../../../../src/core/analysis/reading.ts';
import { gridOf } from '../../../../../src/core/release/evidence/look-grid.ts';
import { foldLook, hasNewSample } from '../../../../../src/core/release/evidence/looks.ts';
import {
  after,
  aLook,
  aReleaseStatus,
  aSpec,
  aSpecWithAnalysis,
  aStatus,
  type CheckInput,
  someRequests,
  START,
  timeAfter,
} from '../../../../fixtures/builders.ts';

const bad = { requests: someRequests({ serverErrors: 100 }) } as const;
const unclear = { requests: someRequests({ requests: 10, serverErrors: 1 }) } as const;
const silent = { requests: { kind: 'noTraffic', message: 'no canary request in the window' }, newRequests: 0 } as const;
const { newestSampleMs: _newest, ...sampleless } = aLook(0);
const away = (seconds: number): LookReading => ({
  ...sampleless,
  atMs: after(seconds),
  requests: { kind: 'unavailable', message: 'connection refused' },
  newRequests: 0,
});

function specWith(check: Partial<CheckInput>, ...more: readonly CheckInput[]): CanaryReleaseSpec {
  return aSpecWithAnalysis({ checks: [{ name: 'errors', metric: 'ErrorRatio', max: '1%', ...check }, ...more] });
}

/** Folds looks one after the other. */
function fold(
  looks: readonly LookReading[],
  status: CanaryReleaseStatus = aStatus(),
  spec: CanaryReleaseSpec = aSpec(),
): CanaryReleaseStatus {
  return looks.reduce((folded, look) => foldLook(spec, folded, look), status);
}

describe('a look', () => {
  test('a look that is good and saw enough requests is a Pass', () => {
    const status = fold([aLook(10)]);
    expect(status.verdict).toBe('Pass');
    expect(status.checks).toEqual([{ name: 'errors', verdict: 'Pass', value: '0%', limit: '<= 1%', requests: 1_000, at: timeAfter(10) }]);
    expect(status.release).toMatchObject({
      verdict: 'Pass',
      passInStage: true,
      passAt: timeAfter(10),
      stageRequests: 100,
      lookGridAt: timeAfter(10),
      scrapeIntervalMs: 10_000,
    });
  });

  test('a look that is bad fails the release by name, reason and counts', () => {
    const { verdict, release } = fold([aLook(10, bad)]);
    expect(verdict).toBe('Fail');
    expect(release?.failedCheck).toEqual({
      name: 'errors',
      reason: 'ErrorRatio',
      message: 'errors 10% (limit <= 1%) over 1000 canary requests, 1 look in a row',
    });
    expect(release?.passInStage).toBeUndefined();
  });

  test('a look without a release is none', () => {
    const { release: _release, ...idle } = aStatus();
    expect(foldLook(aSpec(), idle, aLook(10))).toBe(idle);
  });
});

describe('rule 5: a look is never counted twice', () => {
  test('nor is one that comes too late', () => {
    const once = fold([aLook(20, bad)], aStatus(), specWith({ consecutive: 2 }));
    expect(foldLook(specWith({ consecutive: 2 }), once, aLook(20, bad))).toBe(once);
    expect(foldLook(specWith({ consecutive: 2 }), once, aLook(10, bad))).toBe(once);
  });

  test('a restart that reads any of the looks again comes to the same status', () => {
    const anyLook = fc.constantFrom<Partial<LookReading>>({}, bad, unclear, silent, { requests: { kind: 'unavailable', message: 'away' } });
    fc.assert(
      fc.property(fc.array(anyLook, { minLength: 1, maxLength: 8 }), fc.nat({ max: 8 }), (changes, stop) => {
        const looks = changes.map((change, index) => aLook((index + 1) * 10, change));
        const spec = specWith({ consecutive: 3, onBreach: 'Hold' });
        const before = fold(looks.slice(0, stop), aStatus(), spec);
        expect(fold(looks, before, spec)).toEqual(fold(looks, aStatus(), spec));
      }),
    );
  });
});

describe('a look without a new sample is no look', () => {
  const first = fold([aLook(10)]);
  const same = { ...aLook(20, bad), newestSampleMs: after(10) - 120 };

  test('a look without a new sample moves the grid and nothing else', () => {
    const second = fold([same], first);
    expect(second).toEqual({ ...first, release: { ...first.release, lookGridAt: timeAfter(20) } });
    expect(hasNewSample(same, first.release ?? aReleaseStatus())).toBe(false);
  });

  test('a look without a new sample is no look also when a replica of Prometheus lagged in between', () => {
    const lagging = { ...aLook(80), newestSampleMs: after(5) };
    const repeated = { ...aLook(90, bad), newestSampleMs: after(60) - 120, scrapeIntervalMs: 60_000 };
    const status = fold([aLook(60), lagging, repeated]);
    expect(status.release?.failing).toEqual([]);
    expect(status.release?.sampleAt).toBe(new Date(after(60) - 120).toISOString());
  });

  test('a look without a new sample is no look unless none came for several scrapes: then evidence went missing, and that is Inconclusive', () => {
    const stale = fold([{ ...aLook(70, bad), newestSampleMs: after(10) - 120 }], first);
    expect(stale.verdict).toBe('Inconclusive');
    expect(stale.checks?.[0]).toMatchObject({
      verdict: 'Inconclusive',
      message: 'the newest sample is old: is the gateway still scraped?',
    });
    expect(stale.release?.failing).toEqual([]);
  });

  test('a minute is taken for the scrape where nobody knows it', () => {
    const { scrapeIntervalMs: _scrape, ...look } = aLook(250, bad);
    const status = aStatus({ release: aReleaseStatus({ sampleAt: timeAfter(10) }) });
    expect(fold([{ ...look, newestSampleMs: after(10) }], status).verdict).toBeUndefined();
    expect(fold([{ ...look, atMs: after(311), newestSampleMs: after(10) }], status).verdict).toBe('Inconclusive');
  });

  test('an own query is looked at without a new sample of the source: it has its own data', () => {
    const spec = specWith({}, { name: 'orders', query: 'orders', min: '1' });
    const look = { ...aLook(70), newestSampleMs: after(10) - 120, own: { orders: { kind: 'facts', facts: 0 } } } as const;
    expect(fold([look], first, spec).release?.failedCheck).toMatchObject({
      name: 'orders',
      reason: 'Query',
      message: 'orders 0 (limit >= 1), 1 look in a row',
    });
  });
});

describe('rule 6: the four verdicts', () => {
  test('no traffic is Inconclusive and never 0 errors', () => {
    const status = fold([aLook(10, silent)]);
    expect(status.verdict).toBe('Inconclusive');
    expect(status.release?.passInStage).toBeUndefined();
  });

  test('an outage of Prometheus is Unavailable and never Inconclusive', () => {
    expect(fold([away(10)]).verdict).toBe('Unavailable');
  });

  test('the worst of several checks stands, and Fail is worse than Unavailable', () => {
    const spec = specWith({}, { name: 'orders', query: 'orders', min: '1' });
    const own = (kind: 'noData' | 'unavailable') => ({ orders: { kind, message: 'why' } }) as const;
    expect(fold([aLook(10, { own: own('noData') })], aStatus(), spec).verdict).toBe('Inconclusive');
    expect(fold([aLook(10, { own: own('unavailable') })], aStatus(), spec).verdict).toBe('Unavailable');
    expect(fold([aLook(10, { ...bad, own: own('unavailable') })], aStatus(), spec).verdict).toBe('Fail');
  });

  test('an own query that fails takes home also while the counters cannot be asked', () => {
    const spec = specWith({}, { name: 'orders', query: 'orders', min: '1' });
    const status = fold([{ ...away(10), own: { orders: { kind: 'facts', facts: 0 } } }], aStatus(), spec);
    expect(status.verdict).toBe('Unavailable');
    expect(status.release?.failedCheck?.name).toBe('orders');
  });

  test('a check that only observes has no say', () => {
    const spec = specWith({ onBreach: 'Observe' }, { name: 'orders', query: 'orders', min: '1' });
    const status = fold([aLook(10, { ...bad, own: { orders: { kind: 'facts', facts: 5 } } })], aStatus(), spec);
    expect(status.verdict).toBe('Pass');
    expect(status.checks?.map(({ verdict }) => verdict)).toEqual(['Fail', 'Pass']);
    expect(status.release?.failedCheck).toBeUndefined();
  });

  test('a check that holds makes a Fail that takes nothing home', () => {
    const status = fold([aLook(10, bad)], aStatus(), specWith({ onBreach: 'Hold' }));
    expect(status.verdict).toBe('Fail');
    expect(status.release?.failedCheck).toBeUndefined();
  });

  test('without weight nothing is judged, and Unavailable does not outlast the outage', () => {
    const dark = aStatus({ weight: 0 });
    const during = fold([away(10)], dark);
    expect(during.verdict).toBe('Unavailable');
    const later = fold([away(10), aLook(20, bad)], dark);
    expect(later.verdict).toBeUndefined();
    expect(later.release?.verdict).toBeUndefined();
    expect(later.checks).toEqual([]);
  });

  test('without weight the word of before stands', () => {
    expect(fold([aLook(20)], aStatus({ weight: 0, verdict: 'Pass', release: aReleaseStatus({ verdict: 'Pass' }) })).verdict).toBe('Pass');
  });
});

describe('fails in a row', () => {
  const spec = specWith({ consecutive: 3 });

  test('act when they are enough', () => {
    const two = fold([aLook(10, bad), aLook(20, bad)], aStatus(), spec);
    expect(two.release).toMatchObject({ failing: [{ check: 'errors', count: 2 }], verdict: 'Fail' });
    expect(two.release?.failedCheck).toBeUndefined();
    expect(fold([aLook(30, bad)], two, spec).release?.failedCheck?.message).toContain('3 looks in a row');
  });

  test('fails in a row begin again after a Pass', () => {
    expect(fold([aLook(10, bad), aLook(20), aLook(30, bad)], aStatus(), spec).release?.failing).toEqual([{ check: 'errors', count: 1 }]);
  });

  test('fails in a row are neither counted nor forgotten by Inconclusive and Unavailable', () => {
    const looks = [aLook(10, bad), aLook(20, silent), away(30), aLook(40, unclear), aLook(50, bad), aLook(60, bad)];
    const counts = looks.map((_, index) => fold(looks.slice(0, index + 1), aStatus(), spec).release?.failing?.[0]?.count);
    expect(counts).toEqual([1, 1, 1, 1, 2, 3]);
  });

  test('fails in a row are counted for each check apart, and no longer for one that is gone', () => {
    const both = specWith({ consecutive: 3 }, { name: 'client', metric: 'ClientErrorRatio', max: '1%', consecutive: 3 });
    const status = fold(
      [aLook(10, bad)],
      aStatus({
        release: aReleaseStatus({
          failing: [
            { check: 'old', count: 2 },
            { check: 'client', count: 1 },
          ],
        }),
      }),
      both,
    );
    expect(status.release?.failing).toEqual([{ check: 'errors', count: 1 }]);
  });

  test('stop being counted at 1,000, which the status can hold', () => {
    const status = aStatus({ release: aReleaseStatus({ failing: [{ check: 'errors', count: 1_000 }] }) });
    expect(fold([aLook(10, bad)], status, specWith({ onBreach: 'Hold' })).release?.failing?.[0]?.count).toBe(1_000);
  });

  test('fails in a row that failed the release are remembered, whatever comes after them', () => {
    expect(fold([aLook(10, bad), aLook(20)]).release?.failedCheck?.name).toBe('errors');
  });
});

describe('the failed requests of the release', () => {
  test('the failed requests of the release are added up over its stages, and are not there where no one counts them', () => {
    const before = aStatus({ release: aReleaseStatus({ failedRequests: 3, stageStartedAt: timeAfter(15) }) });
    expect(fold([aLook(10, { newErrors: 2 }), aLook(20, { newErrors: 1 })], before).release?.failedRequests).toBe(6);
    expect(fold([aLook(10)]).release?.failedRequests).toBeUndefined();
  });
});

describe('the requests that a Pass needs', () => {
  test('the requests that a Pass needs are counted over the stage', () => {
    const looks = [10, 20, 30].map((seconds) => aLook(seconds, { newRequests: 20 }));
    expect(looks.map((_, index) => fold(looks.slice(0, index + 1)).verdict)).toEqual(['Inconclusive', 'Inconclusive', 'Pass']);
  });

  test("the requests that a Pass needs are the stage's own where the stage says so", () => {
    const spec = aSpec({ stages: [{ weight: 25, minRequests: 20 }] });
    expect(fold([aLook(10, { newRequests: 20 })], aStatus(), spec).verdict).toBe('Pass');
    expect(fold([aLook(10, { newRequests: 20 })], aStatus({ release: aReleaseStatus({ stageIndex: 1 }) }), spec).verdict).toBe(
      'Inconclusive',
    );
  });

  test('a Fail needs no number of requests', () => {
    expect(fold([aLook(10, { ...bad, newRequests: 1 })]).verdict).toBe('Fail');
  });

  test('a Pass needs no number of requests where only own queries judge and no one counts', () => {
    const spec = aSpecWithAnalysis({ checks: [{ name: 'orders', query: 'orders', min: '1' }] });
    const own = { orders: { kind: 'facts', facts: 5 } } as const;
    const uncounted = {
      ...sampleless,
      atMs: after(10),
      requests: { kind: 'unusable', message: 'no metrics source' },
      newRequests: 0,
      own,
    } as const;
    expect(fold([uncounted], aStatus(), spec).verdict).toBe('Pass');
    expect(fold([aLook(10, { newRequests: 0, own })], aStatus(), spec).verdict).toBe('Inconclusive');
  });
});

describe("a look of before the stage's weight was effective", () => {
  const status = aStatus({ release: aReleaseStatus({ stageStartedAt: timeAfter(30), cleanSince: timeAfter(30) }) });

  test('proves nothing of the stage and brings it no requests', () => {
    const { verdict, release } = fold([aLook(20)], status);
    expect(verdict).toBe('Inconclusive');
    expect(release).toMatchObject({ stageRequests: 0, lookGridAt: timeAfter(20) });
    expect(release?.passInStage).toBeUndefined();
  });

  test("a look of before the stage's weight was effective fails the release all the same", () => {
    expect(fold([aLook(20, bad)], status).release?.failedCheck).toBeDefined();
  });
});

describe("the stage's clock", () => {
  const cleanSince = (...looks: readonly LookReading[]) => fold(looks, aStatus(), specWith({ onBreach: 'Hold' })).release?.cleanSince;

  test("the stage's clock runs at Pass and at Inconclusive", () => {
    expect(cleanSince(aLook(10), aLook(20, silent), aLook(30, unclear))).toBe(timeAfter(0));
  });

  test("the stage's clock begins again at a Fail", () => {
    expect(cleanSince(aLook(10), aLook(20, bad), aLook(30))).toBe(timeAfter(20));
  });

  test("the stage's clock stands while Prometheus is away", () => {
    const during = fold([aLook(10), away(20), away(30)]);
    expect(during.release).toMatchObject({ unavailableSince: timeAfter(20), cleanSince: timeAfter(0) });
    expect(cleanSince(aLook(10), away(20), away(30), aLook(60), aLook(70))).toBe(timeAfter(40));
    expect(fold([away(20), aLook(60)]).release?.unavailableSince).toBeUndefined();
  });

  test("the stage's clock begins again where a Fail ends the outage", () => {
    expect(cleanSince(away(20), aLook(60, bad))).toBe(timeAfter(60));
  });

  test("the stage's clock stands for no longer than the stage lasts when the outage is older", () => {
    const status = aStatus({ release: aReleaseStatus({ unavailableSince: timeAfter(-100) }) });
    expect(fold([aLook(30)], status).release?.cleanSince).toBe(timeAfter(30));
  });

  test("the stage's clock is not there before the stage has begun", () => {
    const { cleanSince: _clean, stageStartedAt: _started, ...release } = aReleaseStatus();
    expect(fold([aLook(10, bad)], aStatus({ release })).release?.cleanSince).toBeUndefined();
  });

  test("the stage's clock never runs ahead of the looks, whatever they say", () => {
    const anyLook = fc.constantFrom<'good' | 'bad' | 'silent' | 'away'>('good', 'bad', 'silent', 'away');
    fc.assert(
      fc.property(fc.array(anyLook, { maxLength: 12 }), (kinds) => {
        let status = aStatus();
        let served = 0;
        kinds.forEach((kind, index) => {
          const seconds = (index + 1) * 10;
          status = foldLook(
            specWith({ onBreach: 'Hold' }),
            status,
            kind === 'away' ? away(seconds) : aLook(seconds, { good: {}, bad, silent }[kind]),
          );
          const since = Date.parse(status.release?.cleanSince ?? '');
          expect(since).toBeLessThanOrEqual(after(seconds));
          // Served time grows by the looks that are neither Fail nor Unavailable, and never by more.
          const now = kind === 'away' ? served : (after(seconds) - since) / 1_000;
          expect(now).toBeLessThanOrEqual(kind === 'bad' ? 0 : served + 10);
          served = now;
        });
      }),
    );
  });
});

describe('silence', () => {
  test('silence is noted from its first look to the first request, and an outage says nothing about it', () => {
    const since = (...looks: readonly LookReading[]) => fold(looks).release?.inconclusiveSince;
    expect(since(aLook(10, silent), aLook(20, silent))).toBe(timeAfter(10));
    expect(since(aLook(10, silent), away(20))).toBe(timeAfter(10));
    expect(since(aLook(10, silent), aLook(20))).toBeUndefined();
    expect(fold([aLook(10, silent)], aStatus({ weight: 0 })).release?.inconclusiveSince).toBeUndefined();
  });
});

describe('the grid', () => {
  test('the grid is set behind the scrape by the first look, and kept', () => {
    const { release } = fold([aLook(10, { newestSampleMs: after(4) })]);
    expect(release?.lookPhaseMs).toBe(4_150);
    expect(gridOf(aSpec(), release ?? aReleaseStatus())).toEqual({ startMs: START, phaseMs: 4_150, intervalMs: 10_000 });
  });

  test('the grid begins at the start before anything was seen', () => {
    expect(gridOf(aSpec(), aReleaseStatus()).phaseMs).toBe(0);
    expect(gridOf(aSpec(), aReleaseStatus({ startedAt: 'never' })).startMs).toBe(0);
  });

  test('the grid stays where the scrape is not known', () => {
    const { scrapeIntervalMs: _scrape, ...look } = aLook(10);
    const { release } = fold([look]);
    expect(release?.lookPhaseMs).toBe(0);
    expect(release?.scrapeIntervalMs).toBeUndefined();
  });
});

describe('what is written', () => {
  test('what is written fits into the status, however much Prometheus had to say', () => {
    const status = fold([aLook(10, { requests: { kind: 'unusable', message: 'x'.repeat(5_000) } })]);
    expect(status.checks?.[0]?.message).toHaveLength(512);
  });
});
