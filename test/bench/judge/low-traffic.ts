// Whole releases of the default manifest where little traffic comes: the operator's own decisions, checks and judge, as `kubectl canary
// plan` simulates them. Beside them one weight for half an hour, where only errors are counted.

import { defaultSpec, type CanaryRelease } from '../../../src/api/release.ts';
import { API_VERSION, KIND } from '../../../src/api/names.ts';
import { uppersOf } from '../../../src/cli/plan/latency.ts';
import { prepareSimulation } from '../../../src/cli/plan/simulation.ts';
import { summarize, type Summary } from '../../../src/cli/plan/summary.ts';
import { plannedFor } from '../../../src/cli/plan/world.ts';
import { medianOf } from '../figures.ts';
import { createRandom, hashText } from './random.ts';
import { runScrapeRelease, type ScrapeCell } from './scrapes.ts';

const RATES = [0.5, 1, 2, 5];
/** Error ratios of serving and of the canary. */
const STORIES = [
  { serving: 0.001, canary: 0.001 },
  { serving: 0.01, canary: 0.01 },
  { serving: 0.001, canary: 0.05 },
  { serving: 0.001, canary: 0.2 },
  { serving: 0.001, canary: 1 },
] as const;
const LATENCY_SECONDS = 0.08;

/** What is measured, and how. */
export interface LowTrafficOptions {
  readonly runs: number;
  readonly seed: number;
  readonly tell: (text: string) => void;
}

/** One line of JSON a cell. */
export function measureLowTraffic(options: LowTrafficOptions): readonly object[] {
  return [
    ...RATES.flatMap((rps) => STORIES.map(({ serving, canary }) => measureRelease(rps, serving, canary, options))),
    ...[0.001, 0.05].map((canary) => measureWeight(canary, options)),
  ];
}

function measureRelease(rps: number, serving: number, canary: number, { runs, seed, tell }: LowTrafficOptions): object {
  const version = (errorRatio: number) => ({ errorRatio, latencySeconds: LATENCY_SECONDS });
  const simulation = prepareSimulation({
    release: plannedFor(defaultRelease(), rps),
    traffic: { rps, serving: version(serving), canary: version(canary), badFromStage: 1, uppers: uppersOf('Contour') },
    seed,
    approveAfterMs: undefined,
  });
  const outcomes = Array.from({ length: runs }, (_, index) => simulation.outcomeOf(index));
  const summary = summarize(outcomes);
  const promoted = outcomes.filter(({ ending }) => ending === 'promoted').map(({ atMs }) => atMs);
  tell(`low traffic: ${rps}/s, serving ${serving}, canary ${canary}`);
  return {
    name: 'judge-low-traffic-promoted',
    value: round(100 * summary.promoted.chance),
    unit: 'percent',
    requestsPerSecond: rps,
    servingErrors: serving,
    canaryErrors: canary,
    releases: runs,
    rolledBackPercent: round(100 * summary.rolledBack.chance),
    askedPercent: round(100 * summary.asked.chance),
    ...timesOf(summary, promoted, runs),
    extraFailures: round(summary.extraFailures.mean),
  };
}

/** Of all releases, so that what is never promoted counts as late. */
function timesOf({ rolledBack }: Summary, promoted: readonly number[], runs: number): object {
  const sorted = promoted.toSorted((a, b) => a - b);
  const by = (share: number) => sorted[Math.ceil(share * runs) - 1];
  const minutes = (ms: number | undefined) => (ms === undefined ? undefined : round(ms / 60_000));
  return {
    halfPromotedByMinutes: minutes(by(0.5)),
    mostPromotedByMinutes: minutes(by(0.95)),
    medianMinutesToRollback: minutes(rolledBack.medianMs),
  };
}

function measureWeight(canary: number, { runs, seed, tell }: LowTrafficOptions): object {
  const cell: ScrapeCell = {
    kind: 'scrapes',
    section: 'scrapes',
    scenario: `canary ${canary}`,
    requestsPerSecond: 1,
    weightPercent: 5,
    lookSeconds: 10,
    isHealthy: canary === 0.001,
    replicas: 1,
    scrapeSeconds: 15,
    stages: [{ weight: 0.05, seconds: 1_800 }],
    canaryBadShare: canary,
    stableBadShare: 0.001,
    burst: { mean: 1, seconds: 0 },
    incident: { kind: 'none' },
  };
  const seconds = Array.from({ length: runs }, (_, run) => runScrapeRelease(cell, createRandom(seed, hashText(cell.scenario), run)))
    .flat()
    .filter(({ judge }) => judge === 'glidepath')
    .map((rollback) => rollback.seconds);
  tell(`low traffic: 1/s at 5%, canary ${canary}`);
  return {
    name: 'judge-low-traffic-one-weight-rolled-back',
    value: round((100 * seconds.length) / runs),
    unit: 'percent',
    requestsPerSecond: 1,
    weightPercent: 5,
    canaryErrors: canary,
    releases: runs,
    ...(seconds.length === 0 ? {} : { medianSeconds: medianOf(seconds) }),
  };
}

function defaultRelease(): CanaryRelease {
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: 'store-api', namespace: 'shop', uid: 'simulated' },
    spec: defaultSpec({ services: [{ name: 'store-api-v1' }, { name: 'store-api-v2' }] }),
  };
}

function round(value: number): number {
  return Number(value.toFixed(2));
}
