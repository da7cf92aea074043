// The simulated releases that are judged by their errors: at one weight for half an hour, and step by step to 50 %.

import type { PlannedLook } from './traffic.ts';

/** One cell of a table: a kind of release that is simulated many times. */
export interface ErrorCell {
  readonly kind: 'errors';
  readonly section: 'constant-weight' | 'whole-release';
  readonly scenario: string;
  readonly requestsPerSecond: number;
  /** Undefined where the weight goes up by steps. */
  readonly weightPercent: number | undefined;
  readonly lookSeconds: number;
  /** The rules that look at a limit see windows of this length, and Mann-Whitney a point per window. */
  readonly peerWindowSeconds: number;
  /** A healthy canary: a rollback of it is a false one. */
  readonly isHealthy: boolean;
  readonly meanBurst: number;
  readonly looks: readonly PlannedLook[];
}

const RELEASE_SECONDS = 1_800;
const BASE_SHARE = 0.001;

function planConstantWeight(rps: number, weightPercent: number, lookSeconds: number, canaryPercent: number): ErrorCell {
  const isHealthy = canaryPercent === BASE_SHARE * 100;
  const looks = Array.from({ length: RELEASE_SECONDS / lookSeconds }, (_, i) => ({
    atSeconds: (i + 1) * lookSeconds,
    seconds: lookSeconds,
    weight: weightPercent / 100,
    canaryBadShare: canaryPercent / 100,
    stableBadShare: BASE_SHARE,
  }));
  return {
    kind: 'errors',
    section: 'constant-weight',
    scenario: isHealthy ? 'healthy' : `canary ${canaryPercent}%`,
    requestsPerSecond: rps,
    weightPercent,
    lookSeconds,
    peerWindowSeconds: lookSeconds,
    isHealthy,
    meanBurst: 1,
    looks,
  };
}

/** One weight, 30 minutes, stable at 0.1 % of errors: 24 cells with a healthy canary and four times 24 with a bad one. */
export function planConstantWeights(): readonly ErrorCell[] {
  return [0.1, 0.5, 1, 5, 50].flatMap((canary) =>
    [10, 60].flatMap((look) =>
      [1, 10, 100, 1_000].flatMap((rps) => [5, 20, 50].map((weight) => planConstantWeight(rps, weight, look, canary))),
    ),
  );
}

/** The shares of bad requests, 0 to 1, around a moment of the release. */
type Course = (seconds: number) => number;

const constant =
  (percent: number): Course =>
  () =>
    percent / 100;
const drift =
  (fromPercent: number, toPercent: number): Course =>
  (seconds) =>
    (fromPercent + ((toPercent - fromPercent) * seconds) / 1_200) / 100;
const late =
  (percent: number): Course =>
  (seconds) =>
    seconds < 600 ? BASE_SHARE : percent / 100;
const leak: Course = (seconds) => (seconds < 600 ? BASE_SHARE : BASE_SHARE + ((0.05 - BASE_SHARE) * (seconds - 600)) / 600);
/** An incident of both arms: a fifth of all requests fail for two minutes. */
const incident =
  (fromSeconds: number): Course =>
  (seconds) =>
    seconds >= fromSeconds && seconds < fromSeconds + 120 ? 0.2 : BASE_SHARE;

interface Story {
  readonly scenario: string;
  readonly isHealthy: boolean;
  readonly canary: Course;
  readonly stable: Course;
  readonly meanBurst?: number;
}

const same = (scenario: string, course: Course, meanBurst = 1): Story => ({
  scenario,
  isHealthy: true,
  canary: course,
  stable: course,
  meanBurst,
});
const worse = (scenario: string, canary: Course, stable: Course = constant(0.1), meanBurst = 1): Story => ({
  scenario,
  isHealthy: false,
  canary,
  stable,
  meanBurst,
});

const HEALTHY: readonly Story[] = [
  same('null 0.1%', constant(0.1)),
  same('null 0.9%', constant(0.9)),
  same('null 2%', constant(2)),
  same('common incident 20% x2min', incident(420)),
  { ...same('common incident; canary scraped 10s earlier', incident(420)), stable: incident(430) },
  same('common drift 0.1->1%', drift(0.1, 1)),
  same('common drift 2->0.1%', drift(2, 0.1)),
  same('arm bursts mean 5; 0.1%', constant(0.1), 5),
  same('arm bursts mean 20; 0.1%', constant(0.1), 20),
  { ...same('canary 0.12% (inside margin)', constant(0.1)), canary: constant(0.12) },
];

const REGRESSIONS: readonly Story[] = [
  worse('canary 0.5%', constant(0.5)),
  worse('canary 1%', constant(1)),
  worse('canary 5%', constant(5)),
  worse('canary 50%', constant(50)),
  worse('late: 2% from 600s', late(2)),
  worse('late: 0.5% from 600s', late(0.5)),
  worse('leak: ramp to 5% from 600s', leak),
  worse('2% vs stable 0.9%', constant(2), constant(0.9)),
  worse('canary 1%; bursts mean 5', constant(1), constant(0.1), 5),
];

const STEP_WEIGHTS = [0.05, 0.1, 0.25, 0.5];
const STEP_SECONDS = 300;
const LOOK_SECONDS = 10;

function planWholeRelease(story: Story, rps: number): ErrorCell {
  const looks = Array.from({ length: (STEP_WEIGHTS.length * STEP_SECONDS) / LOOK_SECONDS }, (_, i): PlannedLook => {
    const middle = (i + 0.5) * LOOK_SECONDS;
    return {
      atSeconds: (i + 1) * LOOK_SECONDS,
      seconds: LOOK_SECONDS,
      weight: STEP_WEIGHTS[Math.floor(middle / STEP_SECONDS)] ?? 0,
      canaryBadShare: story.canary(middle),
      stableBadShare: story.stable(middle),
    };
  });
  return {
    kind: 'errors',
    section: 'whole-release',
    scenario: story.scenario,
    requestsPerSecond: rps,
    weightPercent: undefined,
    lookSeconds: LOOK_SECONDS,
    peerWindowSeconds: 60,
    isHealthy: story.isHealthy,
    meanBurst: story.meanBurst ?? 1,
    looks,
  };
}

function pick(stories: readonly Story[], names: readonly string[]): readonly Story[] {
  return stories.filter(({ scenario }) => names.includes(scenario));
}

/** A whole release of 5, 10, 25 and 50 %, five minutes each. */
export function planWholeReleases(): readonly ErrorCell[] {
  const plan = (stories: readonly Story[], rates: readonly number[]): readonly ErrorCell[] =>
    rates.flatMap((rps) => stories.map((story) => planWholeRelease(story, rps)));
  return [
    ...plan(HEALTHY, [10, 100, 1_000]),
    ...plan(pick(HEALTHY, ['null 0.1%']), [0.1, 1]),
    ...plan(REGRESSIONS, [10, 100, 1_000]),
    ...plan(pick(REGRESSIONS, ['canary 5%', 'canary 50%']), [0.1, 1]),
  ];
}
