import { describe, expect, test } from 'vitest';
import { type Counts, readLatency, type Timed, totalRequests } from '../../../../src/core/analysis/assemble.ts';
import { joinSides, reachOf, type SidesOfSource, SOURCE_LABEL } from '../../../../src/core/analysis/sources-together.ts';
import type { Series } from '../../../../src/core/analysis/series.ts';

const FROM_MS = 100_000;
const SPAN = { fromMs: 120_000, toMs: 300_000 };
const success = () => 'success' as const;

/** A counter scraped at these seconds, 10 more each time. */
function counter(labels: Readonly<Record<string, string>>, ...seconds: readonly number[]): Series {
  return { labels, samples: seconds.map((at, index) => ({ atMs: at * 1_000, value: 1_000 + 10 * index })) };
}

function bucketsOf(perSecond: number, ...bounds: readonly string[]): Timed {
  return { kind: 'series', perSecond, series: bounds.map((le) => counter({ le }, 110, 150)) };
}

function sidesOf(source: string, counts: Partial<Counts>, timed?: Timed): SidesOfSource {
  const { canary = [] } = counts;
  return { source, counts: { canary, serving: [], seen: canary, history: 'whole', ...counts }, timed, servingTimed: timed };
}

const CONTOUR = sidesOf('Contour', { canary: [counter({ code: '200' }, 110, 150)] });
const TRAEFIK = sidesOf('Traefik', { canary: [counter({ code: '200' }, 110, 150, 190)] });

describe('evidence of several sources', () => {
  test('evidence of one source is left as it is', () => {
    expect(joinSides([CONTOUR], FROM_MS)).toBe(CONTOUR);
  });

  test('evidence of several sources is the sum of their increments, and each series says whose it is', () => {
    const { counts, apart } = joinSides([CONTOUR, TRAEFIK], FROM_MS);
    expect(totalRequests(counts.canary, success, SPAN, counts.history)).toBe(10 + 20);
    expect(counts.canary.map(({ labels }) => labels[SOURCE_LABEL])).toEqual(['Contour', 'Traefik']);
    expect(apart).toEqual([CONTOUR, TRAEFIK]);
  });

  test('evidence of a source that has lost its past counts only what it gained since, whatever the others remember', () => {
    const late = sidesOf('Traefik', { canary: [counter({ code: '200' }, 150, 190)], history: 'lost' });
    const { counts } = joinSides([CONTOUR, late], FROM_MS);
    expect(totalRequests(counts.canary, success, SPAN, counts.history)).toBe(10 + 10);
  });

  test('evidence of several sources has a problem where one of them has: its requests are missing', () => {
    const problem = { kind: 'partial', message: 'a store is away' } as const;
    expect(joinSides([CONTOUR, sidesOf('Traefik', { problem })], FROM_MS).counts.problem).toBe(problem);
    expect(joinSides([CONTOUR, sidesOf('Traefik', { servingProblem: problem })], FROM_MS).counts.servingProblem).toBe(problem);
    expect(joinSides([CONTOUR, sidesOf('Traefik', { mixed: 'two clusters' })], FROM_MS).counts.mixed).toBe('two clusters');
  });
});

describe('latencies of several sources', () => {
  const join = (one: Timed | undefined, other: Timed | undefined) =>
    joinSides([sidesOf('Contour', {}, one), sidesOf('Traefik', {}, other)], FROM_MS);

  test('latencies of several sources are summed on the bounds that all of them have, in seconds', () => {
    const { timed } = join(bucketsOf(1_000, '100', '250', '+Inf'), bucketsOf(1, '0.1', '0.3', '+Inf'));
    if (timed?.kind !== 'series') throw new Error('no series');
    expect(readLatency(timed, SPAN, 'whole')).toEqual({
      kind: 'facts',
      facts: [
        { upper: 0.1, count: 20 },
        { upper: Number.POSITIVE_INFINITY, count: 20 },
      ],
    });
  });

  test('latencies of several sources without a bound in common are not summed', () => {
    const { timed, servingTimed } = join(bucketsOf(1_000, '100', '+Inf'), bucketsOf(1, '0.3', '+Inf'));
    const unusable = { kind: 'unusable', message: 'the latency histograms of Contour and Traefik have no bound in common' };
    expect([timed, servingTimed]).toEqual([unusable, unusable]);
  });

  test('latencies of a source that timed nothing have no say in the bounds, and a problem of one is a problem of all', () => {
    expect(join(bucketsOf(1_000, '100', '+Inf'), bucketsOf(1)).timed).toMatchObject({ kind: 'series', series: [{}, {}] });
    const problem = { kind: 'unusable', message: 'a native histogram' } as const;
    expect(join(bucketsOf(1_000, '100', '+Inf'), problem).timed).toBe(problem);
    expect(join(undefined, undefined).timed).toBeUndefined();
  });
});

describe('how far several sources reach', () => {
  const reach = (...all: readonly SidesOfSource[]) => reachOf(all, 300_000);

  test('the slowest of several sources decides how far they reach, and how often they are scraped', () => {
    expect(reach(CONTOUR, sidesOf('Traefik', { canary: [counter({}, 120, 130, 140, 151)] }))).toEqual({
      newestMs: 150_000,
      scrapeMs: 40_000,
      live: ['Contour', 'Traefik'],
    });
  });

  test('a source that is far behind the others has stopped, and one without samples says nothing', () => {
    const quick = sidesOf('Traefik', { canary: [counter({}, 280, 285, 290)] });
    const stopped = sidesOf('Contour', { canary: [counter({}, 190, 195, 200)] });
    expect(reach(stopped, quick)).toEqual({ newestMs: 290_000, scrapeMs: 5_000, live: ['Traefik'] });
    expect(reach(sidesOf('Contour', {}), quick)).toMatchObject({ newestMs: 290_000, live: ['Traefik'] });
    expect(reach(sidesOf('Contour', {}))).toEqual({ newestMs: undefined, scrapeMs: undefined, live: [] });
  });

  test('a source that is scraped seldom is not far behind after two scrapes', () => {
    const seldom = sidesOf('Contour', { canary: [counter({}, 0, 60, 120, 180)] });
    expect(reach(seldom, sidesOf('Traefik', { canary: [counter({}, 290, 295, 300)] }))).toMatchObject({
      newestMs: 180_000,
      scrapeMs: 60_000,
    });
  });
});
