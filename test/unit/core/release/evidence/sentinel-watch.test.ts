// The sentinel's judge over seeded traffic: what it finds, how soon, and what it never finds.
import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../../../../src/api/release.ts';
import type { CounterReading } from '../../../../../src/core/analysis/sentinel.ts';
import {
  forgetCounts,
  ROUND_MS,
  startWatch,
  watchRound,
  type WatchQuestion,
} from '../../../../../src/core/release/evidence/sentinel-watch.ts';
import { aReleaseStatus, aSpecWithAnalysis, aStatus, START } from '../../../../fixtures/builders.ts';
import { createRandom } from '../../../../fixtures/random.ts';

const iso = (ms: number) => new Date(ms).toISOString();

interface Traffic {
  readonly rps: number;
  readonly weight: number;
  /** Share of bad answers at a time, in seconds since the weight. */
  readonly canary: (second: number) => number;
  readonly serving: number;
  readonly pods?: number;
}

function ask(weight: number, analysis: SpecInput['analysis'] = {}, weightMs = START): WatchQuestion {
  const release = aReleaseStatus({
    startedAt: iso(START),
    shiftedAt: iso(weightMs),
    stageStartedAt: iso(weightMs),
    served: [{ weight, from: iso(weightMs) }],
  });
  return {
    spec: aSpecWithAnalysis(analysis),
    status: aStatus({ weight, release }),
    phi: 1,
    compares: true,
    selection: {
      outcomeOf: ({ code }) => (code === '503' ? 'serverError' : 'success'),
      isCanary: ({ arm }) => arm === 'canary',
      isServing: ({ arm }) => arm === 'serving',
    },
  };
}

const COMPARED: SpecInput['analysis'] = { comparison: { mode: 'Enforce' }, checks: [] };
const CHECKED = (
  change: { readonly consecutive?: number; readonly onBreach?: 'Rollback' | 'Auto' | 'Hold' } = {},
): SpecInput['analysis'] => ({
  comparison: { mode: 'Off' },
  checks: [{ name: 'errors', metric: 'ErrorRatio', max: '1%', onBreach: 'Rollback', ...change }],
});

/** Counters of pods that answer at random, each request its own. */
class Gateway {
  readonly #counts: ReadonlyMap<string, number>[];
  readonly #random: () => number;

  constructor(pods: number, seed: number) {
    this.#counts = Array.from({ length: pods }, () => new Map());
    this.#random = createRandom(seed);
  }

  serve(second: number, { rps, weight, canary, serving }: Traffic): void {
    for (let request = 0; request < rps; request += 1) {
      const pod = Math.floor(this.#random() * this.#counts.length);
      const isCanary = this.#random() < weight / 100;
      const isBad = this.#random() < (isCanary ? canary(second) : serving);
      const key = `${isCanary ? 'canary' : 'serving'}/${isBad ? 503 : 200}`;
      const counts = new Map(this.#counts[pod]);
      this.#counts[pod] = counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }

  read(): readonly CounterReading[] {
    return this.#counts.map((counts, pod) => ({
      target: `gw/envoy-${pod}`,
      samples: [...counts].map(([key, value]) => ({ labels: { arm: key.split('/')[0] ?? '', code: key.split('/')[1] ?? '' }, value })),
    }));
  }
}

/** Watches from the weight on. @returns seconds until it is found failing, and what is said */
function watchTraffic(question: WatchQuestion, traffic: Traffic, seed: number, seconds: number) {
  const gateway = new Gateway(traffic.pods ?? 1, seed);
  let { watch } = watchRound(question, startWatch(question, START - 1), gateway.read(), START);
  for (let second = 1; second <= seconds; second += 1) {
    gateway.serve(second, traffic);
    const round = watchRound(question, watch, gateway.read(), START + second * ROUND_MS);
    ({ watch } = round);
    if (round.conviction !== undefined) return { second, conviction: round.conviction, watch };
  }
  return { second: Number.POSITIVE_INFINITY, conviction: undefined, watch };
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const SEEDS = Array.from({ length: 15 }, (_, index) => index + 1);
const HALF = () => 0.5;

describe('a canary that fails', () => {
  test('half of all answers bad at 25% and 50 requests a second are found by the comparison in about five seconds', () => {
    const traffic: Traffic = { rps: 50, weight: 25, canary: HALF, serving: 0 };
    const found = SEEDS.map((seed) => watchTraffic(ask(25, COMPARED), traffic, seed, 60).second);
    expect(median(found)).toBeLessThanOrEqual(6);
    expect(Math.max(...found)).toBeLessThan(20);
  });

  test('at 5% and 100 requests a second it takes about ten seconds', () => {
    const traffic: Traffic = { rps: 100, weight: 5, canary: HALF, serving: 0.001 };
    const found = SEEDS.map((seed) => watchTraffic(ask(5, COMPARED), traffic, seed, 90).second);
    expect(median(found)).toBeLessThanOrEqual(12);
    expect(Math.max(...found)).toBeLessThan(60);
  });

  test('a check that rolls back acts at once, and says what it saw', () => {
    const { second, conviction } = watchTraffic(ask(25, CHECKED()), { rps: 50, weight: 25, canary: HALF, serving: 0 }, 1, 60);
    expect(second).toBeLessThanOrEqual(2);
    expect(conviction).toMatchObject({ check: 'errors', reason: 'ErrorRatio', seen: { targets: ['gw/envoy-0'] } });
    expect(conviction?.message).toMatch(/^errors [0-9.]+% \(limit <= 1%\) over \d+ canary requests, counted at gw\/envoy-0 in [12]s$/);
  });

  test('errors that several pods count alike are found; those of one pod alone are the pod’s', () => {
    const traffic: Traffic = { rps: 60, weight: 25, canary: HALF, serving: 0, pods: 3 };
    const { conviction } = watchTraffic(ask(25, COMPARED), traffic, 1, 30);
    expect(conviction?.seen.targets).toHaveLength(3);
    expect(conviction?.message).toMatch(/counted at 3 gateway pods in \d+s$/);
    const onePod = (pods: readonly CounterReading[]) =>
      pods.map((pod, index) => (index === 0 ? pod : { ...pod, samples: pod.samples.filter(({ labels }) => labels['code'] === '200') }));
    const question = ask(25, COMPARED);
    const gateway = new Gateway(3, 1);
    let { watch } = watchRound(question, startWatch(question, START - 1), gateway.read(), START);
    for (let second = 1; second <= 10; second += 1) {
      gateway.serve(second, traffic);
      const round = watchRound(question, watch, onePod(gateway.read()), START + second * ROUND_MS);
      ({ watch } = round);
      expect(round.conviction).toBeUndefined();
    }
  });

  test('a check with consecutive 2 needs two evaluations, the interval apart', () => {
    const question = ask(25, { ...CHECKED({ consecutive: 2 }), interval: '10s' });
    const { second } = watchTraffic(question, { rps: 50, weight: 25, canary: HALF, serving: 0 }, 1, 60);
    expect(second).toBeGreaterThanOrEqual(11);
    expect(second).toBeLessThanOrEqual(13);
  });
});

describe('what is not found', () => {
  test.each([
    [10, 0.001],
    [25, 0.01],
    [50, 0.2],
    [5, 0.5],
  ])('a canary at %i%% that answers like serving, %f of them bad, is never found failing', (weight, ratio) => {
    for (const seed of SEEDS.slice(0, 6)) {
      const { conviction } = watchTraffic(ask(weight, COMPARED), { rps: 100, weight, canary: () => ratio, serving: ratio }, seed, 180);
      expect(conviction).toBeUndefined();
    }
  });

  test('an outage of the canary of two seconds passes', () => {
    const outage = (second: number) => (second === 12 || second === 13 ? 1 : 0.001);
    for (const seed of SEEDS) {
      const { conviction } = watchTraffic(ask(25, COMPARED), { rps: 100, weight: 25, canary: outage, serving: 0.001 }, seed, 60);
      expect(conviction).toBeUndefined();
    }
  });

  test('checks that leave it to the comparison are not judged, and a comparison that is only observed convicts nobody', () => {
    const traffic: Traffic = { rps: 50, weight: 25, canary: HALF, serving: 0 };
    for (const onBreach of ['Auto', 'Hold'] as const)
      expect(watchTraffic(ask(25, CHECKED({ onBreach })), traffic, 1, 20).conviction).toBeUndefined();
    expect(watchTraffic(ask(25, { ...COMPARED, comparison: { mode: 'Observe' } }), traffic, 1, 20).conviction).toBeUndefined();
  });

  test('nothing is compared while serving has no ready endpoint', () => {
    const question = ask(25, COMPARED);
    const status = { ...question.status, internal: { serving: { emptySince: iso(START) } } };
    expect(watchTraffic({ ...question, status }, { rps: 50, weight: 25, canary: HALF, serving: 0 }, 1, 20).conviction).toBeUndefined();
  });

  test('what was counted of another weight is no part of the evidence of a check', () => {
    const question = ask(25, CHECKED({ consecutive: 1 }));
    const gateway = new Gateway(1, 3);
    let { watch } = watchRound(question, startWatch(question, START - 1), gateway.read(), START);
    for (let second = 1; second <= 20; second += 1) {
      gateway.serve(second, { rps: 50, weight: 25, canary: () => 0, serving: 0 });
      ({ watch } = watchRound(question, watch, gateway.read(), START + second * ROUND_MS));
    }
    const next = ask(50, CHECKED(), START + 20 * ROUND_MS);
    gateway.serve(21, { rps: 50, weight: 50, canary: HALF, serving: 0 });
    const { conviction } = watchRound(next, watch, gateway.read(), START + 21 * ROUND_MS);
    expect(conviction?.seen).toMatchObject({ fromMs: START + 20 * ROUND_MS, toMs: START + 21 * ROUND_MS });
    expect(conviction?.seen.canary.requests).toBeLessThan(40);
  });

  test('a clock that was an hour ahead does not blind the watch for an hour', () => {
    const question = ask(25, CHECKED());
    const gateway = new Gateway(1, 3);
    let { watch } = watchRound(question, startWatch(question, START + 3_600_000), gateway.read(), START + 3_600_000);
    for (let second = 1; second <= 4; second += 1) {
      gateway.serve(second, { rps: 50, weight: 25, canary: HALF, serving: 0 });
      const round = watchRound(question, watch, gateway.read(), START + second * ROUND_MS);
      ({ watch } = round);
      if (second >= 3) expect(round.conviction?.check).toBe('errors');
    }
  });

  test('backends that are asked for from now on are no increment of anything', () => {
    const question = ask(25, CHECKED());
    const gateway = new Gateway(1, 3);
    let { watch } = watchRound(question, startWatch(question, START - 1), [], START);
    gateway.serve(1, { rps: 500, weight: 25, canary: HALF, serving: 0 });
    ({ watch } = watchRound(question, watch, [{ target: 'gw/envoy-0', samples: [] }], START + ROUND_MS));
    const changed = watchRound(question, forgetCounts(watch), gateway.read(), START + 2 * ROUND_MS);
    expect(changed.conviction).toBeUndefined();
  });
});
